"""The fleet's directory, in this process's memory or in Redis: the room that knows redis-py."""
