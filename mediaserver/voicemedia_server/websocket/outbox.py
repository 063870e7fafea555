"""What waits for one client: bounded by how long its audio would take to play. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

MAX_AUDIO_MS = 200.0
MAX_WORDS = 64


@dataclass(frozen=True, slots=True)
class _Audio:
    message: str | bytes
    duration_ms: float
    mark: str | None


class Outbox:
    """Words go before audio. A mark goes behind its frame, or behind the next where that is
    dropped. Audio beyond `MAX_AUDIO_MS` pushes out the oldest, since old sound
    is of no use; who does not even take words is beyond help (`is_overrun`)."""

    def __init__(self, max_audio_ms: float = MAX_AUDIO_MS, max_words: int = MAX_WORDS) -> None:
        self._max_audio_ms = max_audio_ms
        self._max_words = max_words
        self._words: deque[str] = deque()
        self._audio: deque[_Audio] = deque()
        self._audio_ms = 0.0
        self._mark: str | None = None
        self.is_overrun = False

    def __bool__(self) -> bool:
        return bool(self._mark or self._words or self._audio)

    @property
    def audio_ms(self) -> float:
        """How much audio waits."""
        return self._audio_ms

    def say(self, text: str) -> None:
        """Adds a message that may not be lost."""
        if len(self._words) >= self._max_words:
            self.is_overrun = True
            return
        self._words.append(text)

    def play(self, message: str | bytes, duration_ms: float, mark: str | None = None) -> int:
        """Adds a frame and what goes behind it; returns how many older ones were dropped."""
        self._audio.append(_Audio(message, duration_ms, mark))
        self._audio_ms += duration_ms
        dropped = 0
        while self._audio_ms > self._max_audio_ms and len(self._audio) > 1:
            oldest = self._audio.popleft()
            self._audio_ms -= oldest.duration_ms
            dropped += 1
            if oldest.mark is not None:
                self._audio[0] = replace(self._audio[0], mark=oldest.mark)
        return dropped

    def clear(self) -> int:
        """Throws the audio away, and returns how many frames it was; its mark goes at once."""
        cleared = len(self._audio)
        for audio in self._audio:
            self._mark = audio.mark or self._mark
        self._audio.clear()
        self._audio_ms = 0.0
        return cleared

    def take_words(self) -> str | None:
        """The next message that is no audio."""
        return self._words.popleft() if self._words else None

    def take(self) -> str | bytes | None:
        """The next message to send, or `None` when nothing waits."""
        if self._mark is not None:
            mark, self._mark = self._mark, None
            return mark
        if self._words:
            return self._words.popleft()
        if not self._audio:
            return None
        audio = self._audio.popleft()
        self._audio_ms = self._audio_ms - audio.duration_ms if self._audio else 0.0
        self._mark = audio.mark
        return audio.message
