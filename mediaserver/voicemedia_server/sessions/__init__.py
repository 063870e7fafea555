"""What a session is: its life cycle, its limits, what was offered and agreed. Pure."""
