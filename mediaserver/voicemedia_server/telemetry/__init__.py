"""Logs and metrics: what happened, and how much of it. Reads integers; nothing per packet."""
