"""What a speaker may send, and how its totals survive a change of source."""

from __future__ import annotations

from mediaserver.relay.builders import OPUS, OTHER_SPEAKER, PCMU, SPEAKER, a_publication
from voicemedia_server.relay.publication import MAX_SOURCES, Publication


def test_each_agreed_payload_type_has_the_clock_of_its_codec() -> None:
    publication = Publication((OPUS, PCMU))

    assert publication.clock_hz_by_payload_type == {111: 48_000, 0: 8_000}


def test_a_payload_type_to_discard_is_no_payload_type_to_hear() -> None:
    publication = Publication((OPUS,), dropped_payload_types=(96, 97))

    assert publication.dropped_payload_types == {96, 97}
    assert 96 not in publication.clock_hz_by_payload_type


def test_nothing_is_counted_before_the_first_packet() -> None:
    publication = Publication((OPUS,))

    assert (publication.packets_received, publication.packets_lost) == (0, 0)
    assert publication.packets_out_of_order == 0


def test_a_speaker_may_use_only_so_many_sources() -> None:
    publication = Publication((OPUS,))

    admitted = [publication.admits_source(ssrc) for ssrc in range(MAX_SOURCES + 10)]

    assert admitted == [True] * MAX_SOURCES + [False] * 10


def test_a_source_that_was_admitted_stays_admitted_in_a_flood() -> None:
    publication = Publication((OPUS,))
    for ssrc in range(MAX_SOURCES + 10):
        publication.admits_source(ssrc)

    assert publication.admits_source(0)
    assert len(publication.sources) == MAX_SOURCES


def test_the_totals_go_on_when_the_speaker_changes_its_source() -> None:
    publication = a_publication(heard=5)

    second = publication.switch_source(OTHER_SPEAKER, OPUS.clock_hz)
    second.receive(40, 0, 0)
    second.receive(43, 960, 0)
    second.receive(42, 1920, 0)

    assert publication.packets_received == 5 + 3
    assert publication.packets_lost == 1
    assert publication.packets_out_of_order == 1


def test_losses_and_reorderings_of_an_earlier_source_are_kept() -> None:
    publication = Publication((OPUS,))
    first = publication.switch_source(SPEAKER, OPUS.clock_hz)
    for sequence in (10, 14, 13):
        first.receive(sequence, 0, 0)

    publication.switch_source(OTHER_SPEAKER, OPUS.clock_hz)

    assert publication.packets_lost == 2
    assert publication.packets_out_of_order == 1


def test_a_new_source_takes_back_the_bye_of_the_old_one() -> None:
    publication = a_publication(heard=1)
    publication.has_said_bye = True

    publication.switch_source(OTHER_SPEAKER, OPUS.clock_hz)

    assert not publication.has_said_bye


def test_the_source_that_is_heard_is_the_last_one_switched_to() -> None:
    publication = a_publication(heard=1)

    reception = publication.switch_source(OTHER_SPEAKER, PCMU.clock_hz)

    assert publication.ssrc == OTHER_SPEAKER
    assert publication.reception is reception
    assert reception.clock_hz == 8_000
