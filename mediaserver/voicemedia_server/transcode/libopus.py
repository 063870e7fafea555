"""libopus's own decoder, for what PyAV cannot ask of it: in-band FEC and concealment.

Called through ctypes, so that no compiler is needed. The library is the one that PyAV's wheel
brings (the encoder's own), else the system's (docs/decisions/0003). Decoder state lies in a
buffer of Python's: nothing has to be freed.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import av

from voicemedia_server.transcode.pcm import PcmFormat

STATE_ALIGNMENT = 16


class LibopusMissing(RuntimeError):
    """No libopus can be loaded."""


class OpusRefused(ValueError):
    """libopus would not decode this. `status` is its error code."""

    def __init__(self, status: int) -> None:
        super().__init__(f"libopus refused the packet (status {status})")
        self.status = status


@cache
def load_libopus() -> ctypes.CDLL:
    """The library, with the types of the functions that we call. Raises `LibopusMissing`."""
    return open_first(places())


def open_first(paths: Iterable[str]) -> ctypes.CDLL:
    """The first of these libraries that can be opened. Raises `LibopusMissing`."""
    for path in paths:
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue  # for another machine, or without what it needs itself: the next one
        return _typed(library)
    raise LibopusMissing(
        "libopus is neither in PyAV's wheel nor on this system; "
        "install PyAV from its wheel (pip install av) or libopus (Debian: libopus0)."
    )


def places() -> Iterator[str]:
    """Where libopus may be, best first: PyAV's wheel on Linux and macOS, then the system."""
    package = Path(av.__file__).parent
    for folder, pattern in (
        (package.parent / "av.libs", "libopus-*.so*"),
        (package / ".dylibs", "libopus*.dylib"),
    ):
        yield from map(str, sorted(folder.glob(pattern)))
    found = ctypes.util.find_library("opus")
    if found is not None:
        yield found


def _typed(library: ctypes.CDLL) -> ctypes.CDLL:
    state, pcm = ctypes.c_void_p, ctypes.c_char_p
    library.opus_get_version_string.restype = ctypes.c_char_p
    library.opus_decoder_get_size.argtypes = [ctypes.c_int]
    library.opus_decoder_init.argtypes = [state, ctypes.c_int32, ctypes.c_int]
    library.opus_decode.argtypes = [
        state,
        ctypes.c_char_p,
        ctypes.c_int32,
        pcm,
        ctypes.c_int,
        ctypes.c_int,
    ]
    return library


def libopus_version() -> str:
    """What the library calls itself."""
    name: bytes = load_libopus().opus_get_version_string()
    return name.decode()


class OpusDecoder:
    """One stream's decoder, to any rate of `RATES_HZ`. Not for two threads at a time."""

    def __init__(self, form: PcmFormat) -> None:
        library = load_libopus()
        self._block_bytes = form.block_bytes
        self._decode: Callable[..., int] = library.opus_decode
        size = library.opus_decoder_get_size(form.channels) + STATE_ALIGNMENT
        self._memory = ctypes.create_string_buffer(size)
        address = ctypes.addressof(self._memory)
        self._state = address + -address % STATE_ALIGNMENT
        status = library.opus_decoder_init(self._state, form.rate_hz, form.channels)
        if status != 0:
            raise AssertionError(f"libopus knows no {form.rate_hz} Hz, {form.channels} channels")
        self._pcm = ctypes.create_string_buffer(form.rate_hz * 120 // 1000 * form.block_bytes)

    def decode(self, payload: bytes) -> bytes:
        """A packet's sound. Raises `OpusRefused`."""
        return self._run(payload, len(self._pcm) // self._block_bytes, is_fec=False)

    def recover(self, next_payload: bytes, samples: int) -> bytes:
        """The sound before a packet, from the copy that it carries; concealed if it has none."""
        return self._run(next_payload, samples, is_fec=True)

    def conceal(self, samples: int) -> bytes:
        """Sound for a packet that never came: a multiple of 2.5 ms, 120 ms at most."""
        return self._run(None, samples, is_fec=False)

    def _run(self, payload: bytes | None, samples: int, *, is_fec: bool) -> bytes:
        length = 0 if payload is None else len(payload)
        decoded = self._decode(self._state, payload, length, self._pcm, samples, int(is_fec))
        if decoded < 0:
            raise OpusRefused(decoded)
        return ctypes.string_at(self._pcm, decoded * self._block_bytes)
