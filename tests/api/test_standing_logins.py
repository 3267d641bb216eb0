"""Guards roles for logins that stand anyway over REST: what is posted is told back, and nothing is ever revealed."""

from __future__ import annotations

from tests import make, standing
from tests.api.caller import Caller, ask
from tests.make import Cast


def test_what_is_posted_is_told_back(cast: Cast) -> None:
    standing.declare()
    alice = Caller(cast.alice)

    filed = alice.post("access-requests/", ask(kind="role_grant", database_user="alice@admin", roles=["read@shop"]))

    assert filed.status_code == 201
    found = filed.json()
    assert (found["kind"], found["database_user"], found["roles"]) == ("role_grant", "alice@admin", ["read@shop"])


def test_a_login_of_somebody_else_is_422(cast: Cast) -> None:
    standing.declare()
    refused = Caller(cast.alice).post("access-requests/", ask(kind="role_grant", database_user="carol@admin"))
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["database_user"])


def test_a_role_that_gives_access_is_403_and_one_that_is_not_offered_422(cast: Cast) -> None:
    standing.declare()
    alice = Caller(cast.alice)
    owner = alice.post("access-requests/", ask(kind="project_role", roles=["GROUP_OWNER"]))
    backup = alice.post("access-requests/", ask(kind="project_role", roles=["GROUP_BACKUP_MANAGER"]))
    assert (owner.status_code, owner.json()["code"]) == (403, "refused")
    assert (backup.status_code, list(backup.json()["errors"])) == (422, ["roles"])


def test_nothing_is_revealed(cast: Cast) -> None:
    standing.declare()
    grant = make.activated(make.approved_grant(cast.alice, cast.bob, **standing.asked()))
    alice = Caller(cast.alice)

    answers = [alice.post(f"grants/{grant.pk}/{verb}/") for verb in ("reveal", "rotate")]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert "goes on with the login that it has" in answers[0].json()["detail"]
    told = alice.get(f"grants/{grant.pk}/").json()
    assert (told["username"], told["credential"]) == ("alice@admin", "none")
    assert [gate["gate"] for gate in told["gates"]] == ["roles"]
