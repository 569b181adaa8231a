"""Studies of several fits: what differs between them, and why."""
