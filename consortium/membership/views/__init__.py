"""What an institution sees of its own membership: joining, its people, its agreements, its leaving."""
