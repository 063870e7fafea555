"""PURE: which transport a caller is given, and why. Knows no loop, socket, clock, dice or log."""
