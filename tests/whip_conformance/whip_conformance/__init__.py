"""Tests any WHIP server (RFC 9725) given by its URL, line by line.

`python -m whip_conformance URL` prints a table; the pytest plug-in makes each line a test.
"""
