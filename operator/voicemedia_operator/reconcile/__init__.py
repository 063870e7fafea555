"""PURE: from what is wanted and what was seen to what is done. No clock, loop, cluster or dice."""
