"""Free pages of the heap go back to the system."""

from __future__ import annotations

import ctypes
from pathlib import Path

from voicemedia_server import heap

BLOCK_BYTES = 4096
BLOCKS = 20_000
PAGE_KB = 4


def resident_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_KB


def test_what_was_freed_between_things_that_stay_goes_back() -> None:
    """A block that stays at the end keeps the heap from shrinking by itself."""
    assert heap.find_trim() is not None, "this test runs on glibc"
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    blocks = [libc.malloc(BLOCK_BYTES) for _ in range(BLOCKS)]
    for block in blocks:
        ctypes.memset(block, 1, BLOCK_BYTES)
    for block in blocks[:-1]:
        libc.free(block)
    before_kb = resident_kb()

    heap.give_back()

    assert resident_kb() < before_kb - BLOCKS * BLOCK_BYTES // 1024 // 2
    libc.free(blocks[-1])
