from __future__ import annotations

import pytest

from whip_conformance.offers import Offer, baseline, sample
from whip_conformance.syntax.answer import fingerprint_flaw, flaws
from whip_conformance.syntax.sdp import read_description


def answer_to(offer: Offer) -> Offer:
    return offer.with_direction("recvonly").with_value("setup", "passive")


def found(offer: Offer, answer: Offer) -> str:
    return "; ".join(flaws(offer.description, read_description(answer.text)))


@pytest.mark.parametrize("name", ["baseline", "chromium", "firefox", "obs", "audio-and-video"])
def test_a_fitting_answer_has_no_flaws(name: str) -> None:
    assert found(sample(name), answer_to(sample(name))) == ""


@pytest.mark.parametrize(
    ("wrong", "flaw"),
    [
        (answer_to(baseline()).with_value("mid", "7"), "mid is another"),
        (answer_to(baseline()).with_value("setup", "actpass"), "actpass, not active or passive"),
        (answer_to(baseline()).with_direction("sendonly"), "does not answer"),
        (answer_to(baseline()).without("recvonly"), "0 direction attributes"),
        (answer_to(baseline()).without("rtcp-mux"), "no rtcp-mux"),
        (answer_to(baseline()).without("fingerprint"), "no fingerprint"),
        (answer_to(baseline()).with_value("fingerprint", "sha-256 AB"), "not upper-case"),
        (answer_to(baseline()).without("ice-pwd"), "0 ice-pwd"),
        (answer_to(baseline()).with_value("ice-ufrag", "ab"), "2 characters"),
        (answer_to(baseline()).with_value("rtpmap", "111 PCMU/8000"), "another codec"),
        (answer_to(baseline()).with_value("group", "BUNDLE"), "outside of the BUNDLE group"),
        (answer_to(baseline()).with_value("group", "BUNDLE 0 1"), "not offered in it"),
        (Offer(answer_to(baseline()).text.replace(" 111\r", " 112\r")), "not offered"),
        (Offer(answer_to(baseline()).text.replace("m=audio", "m=video")), "kind is video"),
        (Offer(answer_to(baseline()).text.replace("SAVPF", "SAVP")), "profile is"),
        (Offer(answer_to(baseline()).text + "a=extmap:3 urn:x\r\n"), "was not offered so"),
        (Offer(answer_to(baseline()).text + "a=candidate:1\r\n"), "fewer than eight"),
        (answer_to(sample("obs")), "2 media sections, offered were 1"),
    ],
)
def test_an_answer_that_does_not_fit_is_told_why(wrong: Offer, flaw: str) -> None:
    assert flaw in found(baseline(), wrong)


@pytest.mark.parametrize(
    ("value", "flaw"),
    [
        ("sha-256 " + ":".join(["AB"] * 32), None),
        ("SHA-256 " + ":".join(["AB"] * 32), None),
        ("sha-256 " + ":".join(["ab"] * 32), "upper-case"),
        ("sha-256 " + ":".join(["AB"] * 20), "length"),
        ("md5 AB", "unknown hash"),
    ],
)
def test_fingerprints_are_held_to_their_grammar(value: str, flaw: str | None) -> None:
    got = fingerprint_flaw(value)

    assert got is None if flaw is None else flaw in str(got)
