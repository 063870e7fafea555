"""Fleets for tests: resources and pods with good defaults, and a world of them."""
