"""What a machine without services needs: our own PostgreSQL under `var/`, key files, a message queue inside it."""
