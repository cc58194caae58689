"""What a mapping file says, line by line, and how a first one is proposed; `anonymize.mapping` reads one."""
