from __future__ import annotations

from whip_conformance.offers import (
    CLIENTS,
    Identity,
    baseline,
    malformed,
    new_credentials,
    sample,
)
from whip_conformance.peer.certificate import new_certificate
from whip_conformance.syntax.answer import fingerprint_flaw
from whip_conformance.syntax.candidates import read_candidate
from whip_conformance.syntax.fragment import credentials_in

FIRST = read_candidate("1 1 udp 1 192.0.2.1 9 typ host")


def test_an_offer_takes_on_an_identity_in_every_section() -> None:
    identity = Identity(new_credentials(), new_certificate().fingerprint)

    offer = sample("audio-and-video").with_identity(identity).description

    assert credentials_in(offer) == identity.credentials
    assert set(offer.everywhere("fingerprint")) == {f"sha-256 {identity.fingerprint}"}


def test_candidates_go_to_the_end_of_the_first_section() -> None:
    offer = sample("audio-and-video").with_candidates([FIRST]).description

    assert offer.media[0].values("candidate") == (str(FIRST),)
    assert offer.media[1].values("candidate") == ()


def test_candidates_replace_those_that_were_there() -> None:
    offer = sample("firefox-gathered").with_candidates([FIRST]).description

    assert offer.everywhere("candidate") == (str(FIRST),)
    assert not offer.everywhere("end-of-candidates")


def test_a_direction_is_changed_and_nothing_else() -> None:
    changed = baseline("sendrecv")

    assert changed.description.media[0].directions == ("sendrecv",)
    assert changed.with_direction("sendonly") == baseline()


def test_an_attribute_is_taken_out_with_and_without_value() -> None:
    offer = baseline().without("rtcp-mux").without("mid").text

    assert "a=rtcp-mux\r\n" not in offer
    assert "a=rtcp-mux-only\r\n" in offer
    assert "a=mid" not in offer


def test_the_baseline_keeps_every_rule_that_binds_clients() -> None:
    section = baseline().description.media[0]

    assert section.has("rtcp-mux-only")
    assert section.value("setup") == "actpass"
    assert section.value("msid") is not None
    assert fingerprint_flaw(section.value("fingerprint") or "") is None


def test_client_samples_offer_one_way_and_either_role() -> None:
    for name in CLIENTS:
        offer = sample(name).description
        assert set(offer.everywhere("setup")) == {"actpass"}, name
        assert {section.directions for section in offer.media} == {("sendonly",)}, name


def test_no_sample_holds_an_address_of_a_real_network() -> None:
    for name in (*CLIENTS, "pion", "chromium-sendrecv"):
        for text in sample(name).description.everywhere("candidate"):
            host = text.split(" ")[4]
            assert host.startswith(("192.0.2.", "fd00:", "fe80:")) or host.endswith(".local"), host


def test_malformed_samples_are_read_as_bytes_under_their_names() -> None:
    samples = malformed()

    assert samples["empty"] == b""
    assert b"\xff\xfe" in samples["not-utf-8"]
    assert len(samples) >= 20
