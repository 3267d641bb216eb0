"""Guards what a program can do with a token of its own service identity: fetch what it was given, and nothing more."""

from __future__ import annotations

from accessrequests.models import AccessRequest, AuditEvent
from tests import make
from tests.api.caller import Caller, ask
from tests.make import Cast


def test_is_asked_for_by_somebody_and_fetches_its_password_itself(cast: Cast) -> None:
    runner = make.make_service()
    alice, program = Caller(cast.alice), Caller(runner, ("read", "reveal", "end"))

    foreseen = alice.post("access-requests/preview/", ask(grantee="ci-runner")).json()
    assert foreseen["steps"][0]["people"] == ["grace"]
    assert foreseen["sentences"][-1].startswith("Alice Archer asks for Continuous integration, a service identity.")
    filed = alice.post("access-requests/", ask(grantee="ci-runner"))
    told = filed.json()
    assert (filed.status_code, told["requester"], told["beneficiary"], told["grantee"]) == (
        201, "alice", "ci-runner", "ci-runner",
    )  # fmt: skip
    access_request = AccessRequest.objects.get(pk=told["id"])
    grant = make.activated(make.approve(access_request, cast.grace).grant)

    (listed,) = program.get("grants/").json()["results"]
    assert (listed["id"], listed["holder"]) == (grant.pk, "ci-runner")
    assert alice.post(f"grants/{grant.pk}/reveal/").status_code == 403
    assert program.post(f"grants/{grant.pk}/reveal/").json()["username"] == grant.username
    assert AuditEvent.objects.get(event="credential.revealed").actor == "ci-runner"
    assert Caller(cast.bob).post(f"grants/{grant.pk}/reveal/").status_code == 410
    assert program.post(f"grants/{grant.pk}/release/").status_code == 202


def test_neither_asks_nor_decides(cast: Cast) -> None:
    program = Caller(make.make_service(), ("read", "reveal", "end"))
    number = make.submit(cast.alice).pk

    for path, body in (
        ("access-requests/", ask()),
        (f"access-requests/{number}/approve/", {"revision": 1}),
        ("break-glass/", ask()),
    ):
        refused = program.post(path, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "scope")
    assert program.get("access-requests/").json()["results"] == []


def test_is_nothing_once_its_owner_is_gone(cast: Cast) -> None:
    program = Caller(make.make_service(), ("read", "reveal", "end"))
    assert program.get("grants/").status_code == 200
    make.apply("bob", active=False)
    assert program.get("grants/").status_code == 401
