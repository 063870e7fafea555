"""A WHIP server for the suite's own tests: right in everything, or wrong in one thing.

It shows that each check passes where it should and fails where it must. It is no server to use:
one socket on loopback, no limits but those that a check asks for.
"""
