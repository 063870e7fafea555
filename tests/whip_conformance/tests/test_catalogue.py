from __future__ import annotations

import pytest

from whip_conformance.catalogue import CHECKED, REQUIREMENTS
from whip_conformance.requirement import (
    Level,
    Registry,
    Requirement,
    RequirementError,
    select,
)

BIND_CLIENTS = {5, 7, 17, 29, 35, 37, 38, 40, 44, 52, 58, 64, 68, 74, 77}
CANNOT_BE_SEEN = {78}


def test_every_line_of_the_checklist_is_in_the_catalogue() -> None:
    assert {requirement.number for requirement in REQUIREMENTS} == set(range(1, 88))


def test_every_line_that_binds_servers_is_checked() -> None:
    unchecked = set(range(1, 88)) - {requirement.number for requirement in CHECKED}

    assert unchecked <= BIND_CLIENTS | CANNOT_BE_SEEN


def test_a_line_that_is_not_checked_says_why() -> None:
    for requirement in REQUIREMENTS:
        assert (requirement.check is None) == bool(requirement.why_unchecked), requirement.id


def test_the_order_is_that_of_the_checklist_with_refinements_behind() -> None:
    ids = [requirement.id for requirement in REQUIREMENTS]

    assert ids.index("W9") < ids.index("W9-absolute") < ids.index("W10") < ids.index("W10-415")


def test_every_requirement_is_a_sentence() -> None:
    for requirement in REQUIREMENTS:
        assert requirement.text.endswith("."), requirement.id


def test_only_what_rfc_9725_demands_makes_a_server_nonconforming() -> None:
    binding = {level for level in Level if level.is_binding}

    assert binding == {Level.MUST, Level.MUST_NOT, Level.SHALL}


def test_a_line_is_selected_with_its_refinements_and_a_refinement_alone() -> None:
    assert [r.id for r in select(REQUIREMENTS, ("W9",))] == ["W9", "W9-absolute", "W9-forwarded"]
    assert [r.id for r in select(REQUIREMENTS, ("W10-415", "W1-204"))] == ["W1-204", "W10-415"]
    assert select(REQUIREMENTS, ()) == REQUIREMENTS


def test_a_name_that_there_is_none_of_is_refused() -> None:
    with pytest.raises(RequirementError, match="no requirement W999"):
        select(REQUIREMENTS, ("W9", "W999"))


@pytest.mark.parametrize("id", ["9", "W", "W9 ", "W9-", "W9-A", "X9"])
def test_an_id_of_another_form_is_refused(id: str) -> None:
    with pytest.raises(RequirementError):
        Registry().add(Requirement(id, Level.MAY, "4", "Text."))


def test_an_id_is_given_once() -> None:
    registry = Registry()
    registry.add(Requirement("W9", Level.MAY, "4", "Text."))

    with pytest.raises(RequirementError, match="twice"):
        registry.add(Requirement("W9", Level.MAY, "4", "Text."))
