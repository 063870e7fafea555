"""Settings: one frozen dataclass, read once at the start from flags, environment and a file."""
