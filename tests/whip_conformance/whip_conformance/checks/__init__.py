"""The checks, one module for each section of RFC 9725. Importing a module declares its checks."""
