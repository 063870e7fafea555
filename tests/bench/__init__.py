"""The load bench: `make bench` walks a ladder of session counts and prints a table.

The load itself comes from `loadgen` (Rust); here are the arithmetic and the shell around it.
"""
