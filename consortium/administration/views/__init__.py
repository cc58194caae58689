"""The association's pages: members and how they join, their people, the agreement, the audit log."""
