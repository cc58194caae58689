"""The processes of the platform: their command lines, and what keeps them running together on one machine."""
