"""The C heap, which OpenSSL, libsrtp and Python share: what a burst of calls left goes back."""

from __future__ import annotations

import ctypes
from collections.abc import Callable


def find_trim() -> Callable[[int], int] | None:
    """glibc's `malloc_trim`, which other C libraries do not have."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    found: Callable[[int], int] = trim
    return found


_trim = find_trim()


def give_back() -> None:
    """Returns free pages to the system. Takes milliseconds: for moments when nobody talks."""
    if _trim is not None:
        _trim(0)
