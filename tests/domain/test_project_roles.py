"""Guards the table of project roles: how much trust each needs, and that no role that gives access is ever ordinary."""

from __future__ import annotations

import pytest

from accessrequests.domain import project_roles
from accessrequests.domain.privileges import Level


def test_roles_that_give_access_are_not_for_grants() -> None:
    assert {
        "GROUP_OWNER",
        "GROUP_ACCESS_MANAGER",
        "GROUP_DATABASE_ACCESS_ADMIN",
        "GROUP_NETWORK_ACCESS_MANAGER",
    } == project_roles.NOT_FOR_GRANTS
    assert {project_roles.level_of([name]) for name in project_roles.NOT_FOR_GRANTS} == {Level.DELEGATING}


@pytest.mark.parametrize(
    ("names", "level"),
    [
        ([], Level.READ),
        (["GROUP_READ_ONLY"], Level.READ),
        (["GROUP_READ_ONLY", "GROUP_DATA_ACCESS_READ_WRITE"], Level.WRITE),
        (["GROUP_CLUSTER_MANAGER"], Level.ADMIN),
        (["GROUP_OF_TOMORROW"], Level.ADMIN),
    ],
)
def test_the_highest_counts_and_the_unknown_is_admin(names: list[str], level: Level) -> None:
    assert project_roles.level_of(names) is level


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("GROUP_READ_ONLY", True), ("GROUP_", False), ("ORG_OWNER", False), ("read@shop", False), ("group_owner", False)],
)
def test_the_form_of_a_name(text: str, is_one: bool) -> None:
    assert project_roles.is_project_role(text) is is_one


def test_says_what_they_let_one_do_least_first() -> None:
    assert project_roles.what_these_let_you_do(["GROUP_OF_TOMORROW", "GROUP_CLUSTER_MANAGER", "GROUP_READ_ONLY"]) == [
        "See clusters, users, settings and activity of the project.",
        "Change, pause and resume clusters.",
        "Whatever Atlas lets GROUP_OF_TOMORROW do.",
    ]
