"""How the operator itself is: logs, metrics, health."""
