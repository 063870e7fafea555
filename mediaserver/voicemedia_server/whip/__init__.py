"""WHIP (RFC 9725): the HTTP edge through which clients publish. Routes, and pure negotiation."""
