"""Names that the operator gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicemedia_operator.reconcile.names import Annotation, Label, digest, pod_name
from voicemedia_operator.spec.voice_media_server import MAX_NAME_CHARS


def test_a_digest_is_the_same_for_the_same_members_in_any_order() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_a_pod_is_named_for_its_resource_and_revision() -> None:
    assert pod_name("voice", "ab12c34d56", 1).startswith("voice-ab12c-")


def test_one_number_gives_one_name_and_another_number_another() -> None:
    assert pod_name("voice", "ab12c", 1) == pod_name("voice", "ab12c", 1)
    assert pod_name("voice", "ab12c", 1) != pod_name("voice", "ab12c", 2)


@given(number=st.integers(0, 1 << 31))
def test_a_name_of_a_pod_fits_into_a_label(number: int) -> None:
    assert len(pod_name("v" * MAX_NAME_CHARS, "0123456789", number)) <= 63


def test_thousands_of_pods_of_one_revision_have_a_name_each() -> None:
    names = {pod_name("voice", "ab12c34d56", number) for number in range(20_000)}

    assert len(names) == 20_000


def test_what_the_operator_remembers_is_under_names_of_its_own() -> None:
    own = [each for each in [*Label, *Annotation] if not each.startswith("app.kubernetes.io/")]

    assert all(each.startswith("voicemedia.dev/") for each in own)
    assert len(set(own)) == len(own)
