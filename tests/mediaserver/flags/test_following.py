"""Documents that come: taken, or told and passed over."""

from __future__ import annotations

from voicemedia_rollout.document import Rollout, write_document
from voicemedia_server.flags.evaluation import Flags
from voicemedia_server.flags.following import Following


class Told:
    """What the observer was told."""

    def __init__(self) -> None:
        self.revisions: list[int] = []
        self.refused = 0

    def flags_taken(self, revision: int) -> None:
        self.revisions.append(revision)

    def flags_refused(self) -> None:
        self.refused += 1


def test_a_document_is_taken_and_its_revision_told() -> None:
    told, flags = Told(), Flags()

    Following(flags, told).take(write_document(Rollout(revision=8)))

    assert (told.revisions, told.refused, flags.revision) == ([8], 0, 8)


def test_a_document_that_cannot_be_read_is_counted_and_changes_nothing() -> None:
    told, flags = Told(), Flags()
    following = Following(flags, told)
    following.take(write_document(Rollout(revision=8)))

    following.take("garbage")

    assert (told.revisions, told.refused, flags.revision) == ([8], 1, 8)
