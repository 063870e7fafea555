"""`POST /v2/session`: which transport a caller is given, and where it is."""
