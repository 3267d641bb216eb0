"""Guards what is said of the gates of an access: how each is known to be open, and who ends it."""

from __future__ import annotations

import pytest

from accessrequests.domain.gates import everyone_in, how_added, how_proved, only_we_end_it, who_ends
from accessrequests.domain.kinds import KINDS, METHODS
from accessrequests.domain.lifecycle import GateName


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("gate", GateName)
def test_each_gate_of_each_kind_says_how_it_is_proved(kind: str, gate: GateName) -> None:
    assert how_proved(kind, gate).endswith(".")


@pytest.mark.parametrize(
    ("kind", "gate", "said"),
    [
        ("atlas", GateName.USER, "Proved by a login of our workers, on every cluster of its scope."),
        ("atlas", GateName.ROLES, how_proved("atlas", GateName.ROLES)),
        ("mongodb", GateName.USER, how_proved("mongodb", GateName.USER)),
    ],
)
def test_a_login_on_atlas_is_said_to_be_one(kind: str, gate: GateName, said: str) -> None:
    assert how_proved(kind, gate, by_login=True) == said


@pytest.mark.parametrize("method", METHODS)
def test_only_atlas_ends_a_user_by_itself_and_only_one_with_a_password(method: str) -> None:
    told = who_ends(kind="atlas", target="ecommerce-prod", authentication=method)

    assert ("only we end it" in told) == (method != "scram")
    assert "only we end it" in who_ends(kind="mongodb", target="shop-prod", authentication=method)


def test_a_certificate_of_atlas_outlives_the_access_and_that_is_said() -> None:
    assert "says a later day" in who_ends(kind="atlas", target="x", authentication="x509_managed")


def test_what_a_group_gets_everyone_in_it_gets() -> None:
    assert everyone_in("Analysts").startswith("Analysts is a group: everyone in the group gets it")


def test_roles_of_a_login_that_stays_are_read_back_and_end_by_us() -> None:
    assert how_added("alice@admin") == "Read back from alice@admin: all that was approved is there."
    assert only_we_end_it("shop-prod").endswith("only we take them.")
