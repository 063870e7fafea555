"""The chart: its values, what it renders, the plain manifests that are made from it."""
