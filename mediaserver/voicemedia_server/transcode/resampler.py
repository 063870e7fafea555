"""Sound at another rate or with another number of channels (FFmpeg's swresample by PyAV)."""

from __future__ import annotations

from array import array

import av

from voicemedia_server.transcode.pcm import Pcm, PcmFormat


def to_frame(pcm: Pcm) -> av.AudioFrame:
    """The same sound as FFmpeg holds it."""
    frame = av.AudioFrame(format="s16", layout=pcm.format.layout, samples=pcm.length)
    frame.sample_rate = pcm.format.rate_hz
    frame.planes[0].update(pcm.data)
    return frame


class Resampler:
    """Turns one stream's sound into `target`. Costs about a millisecond of delay; none when the
    form is already right. Not for two threads at a time."""

    def __init__(self, source: PcmFormat, target: PcmFormat) -> None:
        self._source = source
        self._target = target
        self._end: int | None = None
        self._source_end = 0
        self._is_doubled = source.channels < target.channels
        self._resampler: av.AudioResampler | None = None
        if source != target:
            layout = source.layout if self._is_doubled else target.layout
            self._resampler = av.AudioResampler("s16", layout, target.rate_hz)

    def take(self, pcm: Pcm) -> list[Pcm]:
        """The sound that is ready now; pauses stay where they were."""
        if self._resampler is None:
            return [pcm] if pcm.data else []
        if self._end is None or pcm.position != self._source_end:
            scaled = pcm.position * self._target.rate_hz // self._source.rate_hz
            self._end = scaled if self._end is None else max(self._end, scaled)
        self._source_end = pcm.end
        if not pcm.data:
            return []
        ready = []
        for frame in self._resampler.resample(to_frame(pcm)):
            made = Pcm(self._data(frame), self._target, self._end)
            self._end = made.end
            ready.append(made)
        return ready

    def _data(self, frame: av.AudioFrame) -> bytes:
        """Its samples; one channel is made two by hand, since FFmpeg would make it 3 dB quieter."""
        data = bytes(frame.planes[0])
        if not self._is_doubled:
            return data[: frame.samples * self._target.block_bytes]
        one = array("h", data[: frame.samples * 2])
        both = array("h", bytes(4 * frame.samples))
        both[::2] = both[1::2] = one
        return both.tobytes()
