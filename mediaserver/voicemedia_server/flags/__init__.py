"""Flags: OpenFeature over a snapshot of the flag document, and where documents come from."""
