"""Where flag documents are kept without Redis: in a file that is watched, or in this process."""

from __future__ import annotations

import asyncio
import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from voicemedia_rollout.document import Rollout, read_document, write_document
from voicemedia_server.config.settings import Settings
from voicemedia_server.ports import FlagsUnavailable, RevisionConflict

POLL_S = 0.2
"""Between two looks at the file: new sessions obey within a second."""


class FileFlagStore:
    """A flagd-format file, as flagd itself or a mounted ConfigMap has it."""

    def __init__(self, path: Path, poll_s: float = POLL_S) -> None:
        self._path = path
        self._poll_s = poll_s

    async def read(self) -> str | None:
        """The text, or `None` where there is no file. Raises `FlagsUnavailable`."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> str | None:
        try:
            return self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as failure:
            raise FlagsUnavailable(f"{self._path}: {failure}") from failure

    async def replace(self, rollout: Rollout) -> None:
        """The next revision, all at once. Raises `RevisionConflict` where it is not the next,
        `FlagsUnavailable` where the file cannot be written, and `DocumentMalformed` where what
        stands there was written by hand."""
        await asyncio.to_thread(self._replace, rollout)

    def _replace(self, rollout: Rollout) -> None:
        folder = self._path.parent
        try:
            with open(folder / f".{self._path.name}.lock", "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                found = self._read()
                check_revision(read_document(found).revision if found else 0, rollout)
                handle, name = tempfile.mkstemp(dir=folder, prefix=f".{self._path.name}.")
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(write_document(rollout))
                os.chmod(name, 0o644)
                os.replace(name, self._path)
        except OSError as failure:
            raise FlagsUnavailable(f"{self._path}: {failure}") from failure

    def know(self, text: str) -> None:
        """Nothing: what people put into the file stays."""

    async def watch(self, take: Callable[[str], None]) -> None:
        """Gives the text now and after each change, until cancelled; while there is no file, or
        it cannot be read, nothing is given."""
        seen: str | None = None
        while True:
            try:
                found = await self.read()
            except FlagsUnavailable:
                found = None
            if found is not None and found != seen:
                take(found)
                seen = found
            await asyncio.sleep(self._poll_s)


class MemoryFlagStore:
    """The document of a lone process: gone with it."""

    def __init__(self, rollout: Rollout) -> None:
        self._rollout = rollout
        self._changed = asyncio.Event()

    async def read(self) -> str | None:
        """The text."""
        return write_document(self._rollout)

    async def replace(self, rollout: Rollout) -> None:
        """Raises `RevisionConflict`."""
        check_revision(self._rollout.revision, rollout)
        self._rollout = rollout
        self._changed.set()

    def know(self, text: str) -> None:
        """Nothing: nobody else reads it."""

    async def watch(self, take: Callable[[str], None]) -> None:
        """Gives the text now and after each change, until cancelled."""
        while True:
            self._changed.clear()
            take(write_document(self._rollout))
            await self._changed.wait()


def local_store(settings: Settings) -> FileFlagStore | MemoryFlagStore:
    """The file that is named, or a document of this process."""
    if settings.flags_file is not None:
        return FileFlagStore(settings.flags_file)
    return MemoryFlagStore(Rollout(weight_percent=settings.webrtc_percent, reason="webrtc_percent"))


def check_revision(found: int, rollout: Rollout) -> None:
    """Raises `RevisionConflict` where somebody else was faster."""
    if rollout.revision != found + 1:
        raise RevisionConflict(
            f"revision {rollout.revision} does not follow {found}: somebody changed the flags "
            "meanwhile; look at them and try again"
        )
