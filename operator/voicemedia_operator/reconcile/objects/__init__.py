"""PURE: a spec as the objects that the operator applies; a builder decides nothing about pods."""
