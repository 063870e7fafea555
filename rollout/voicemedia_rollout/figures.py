"""How the sessions of a variant went, as sums: those of several servers can be added.

Set-ups are counted when they end, not when the session does: while calls last, a count of ended
sessions alone would see the failures first and call a good variant bad. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Self

from voicemedia_rollout.analysis import Measure
from voicemedia_rollout.document import Variant


@dataclass(frozen=True, slots=True)
class Mean:
    """Over this many sessions."""

    value: float
    count: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums. `connected`, `setup_failed` and `fallbacks` are set-ups; who left before being
    connected is `abandoned` and says nothing. `ended` are calls that had been connected, `lost`
    of them; `heard`, `timed` and `rated` those of which the figures beside them are known."""

    connected: int = 0
    setup_failed: int = 0
    fallbacks: int = 0
    abandoned: int = 0
    setup_s: float = 0.0
    ended: int = 0
    lost: int = 0
    dropped_packets: int = 0
    heard: int = 0
    loss_ratio: float = 0.0
    jitter_s: float = 0.0
    timed: int = 0
    round_trip_s: float = 0.0
    rated: int = 0
    mos: float = 0.0

    def __add__(self, other: Figures) -> Figures:
        """Both together."""
        return Figures(*(getattr(self, n) + getattr(other, n) for n in _NAMES))

    def mean(self, measure: Measure) -> Mean:
        """Its value is 0 where nothing was counted."""
        total, count = self._sum(measure)
        return Mean(total / count if count else 0.0, count)

    def _sum(self, measure: Measure) -> tuple[float, int]:
        match measure:
            case Measure.SETUP_FAILURE:
                failed = self.setup_failed + self.fallbacks
                return failed, self.connected + failed
            case Measure.LOST:  # in a young rollout few calls have ended, the lost ones first
                return self.lost, max(self.ended, self.connected)
            case Measure.SETUP_TIME:
                return self.setup_s, self.connected
            case Measure.LOSS:
                return self.loss_ratio, self.heard
            case Measure.JITTER:
                return self.jitter_s, self.heard
            case Measure.ROUND_TRIP:
                return self.round_trip_s, self.timed
            case Measure.MOS:
                return self.mos, self.rated
            case Measure.DROPS:
                return self.dropped_packets, self.ended

    def encode(self) -> dict[str, float]:
        """The document; what is zero is left out."""
        return {name: round(value, 6) for name, value in asdict(self).items() if value}

    @classmethod
    def decode(cls, members: Mapping[str, object]) -> Self:
        """Raises `ValueError` for what is no number; members that are new are passed over."""
        numbers = {}
        for name in _NAMES:
            value = members.get(name, 0)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise ValueError(f"{name} is no number of at least 0")
            numbers[name] = value
        return cls(**numbers)  # type: ignore[arg-type]  # sums of whole numbers are whole


_NAMES = tuple(each.name for each in fields(Figures))


@dataclass(frozen=True, slots=True)
class Report:
    """How the sessions went that were decided on by the split under one revision."""

    revision: int
    variants: Mapping[Variant, Figures] = field(default_factory=dict)

    def of(self, variant: Variant) -> Figures:
        """Nothing counted where the report has none."""
        return self.variants.get(variant, Figures())

    def __add__(self, other: Report) -> Report:
        """Both together; of one revision."""
        if other.revision != self.revision:
            raise ValueError("reports of two revisions cannot be added")
        return Report(self.revision, {v: self.of(v) + other.of(v) for v in Variant})

    def encode(self) -> dict[str, object]:
        """The document."""
        return {"revision": self.revision} | {v: self.of(v).encode() for v in Variant}

    @classmethod
    def decode(cls, members: Mapping[str, object]) -> Self:
        """Raises `ValueError` for what is no such document."""
        revision = members.get("revision")
        if isinstance(revision, bool) or not isinstance(revision, int):
            raise ValueError("revision is no whole number")
        found = {}
        for variant in Variant:
            figures = members.get(variant, {})
            if not isinstance(figures, Mapping):
                raise ValueError(f"{variant} is no object")
            found[variant] = Figures.decode(figures)
        return cls(revision, found)
