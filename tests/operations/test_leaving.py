"""Whoever leaves the group that let them ask loses what is open and what lives, at once, and is told why."""

from __future__ import annotations

import pytest

from accessrequests.domain.claims import Claims
from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Grant, Identity
from accessrequests.operations import extensions, identities
from tests import make, roles
from tests.make import Cast
from tests.traces import Traces

WHY = "Rule production-read is for people of engineering, and alice is not one of them."


def sentence(access_request: AccessRequest) -> str:
    access_request.refresh_from_db()
    return f"{access_request.state}: {access_request.note}"


def leave(cast: Cast, how: str) -> None:
    if how == "file":
        make.apply("alice", groups=[])
        return
    identity = Identity.objects.get(person=cast.alice)
    identities.follow(
        identity_id=identity.pk,
        tokens_round=identity.tokens_round,
        claims=Claims(subject="1", username="", name="", email="", groups=frozenset(), is_active=True),
    )


@pytest.mark.parametrize("how", ["file", "provider"])
def test_open_requests_are_void_and_live_grants_end(cast: Cast, how: str) -> None:
    if how == "provider":
        make.apply("alice", groups=[], identity={"issuer": "https://id.example.com", "subject": "1"})
        identities.arrive(
            issuer="https://id.example.com",
            claims=Claims("1", "alice", "Alice", "alice@example.com", frozenset({"engineering"}), True),
            tokens="sealed",
        )
    active = make.active_grant(cast.alice, cast.bob)
    extensions.ask(
        grant_id=active.pk, holder=cast.alice, via=Via.API, duration=active.length, reason="It takes longer."
    )
    pending, other = make.submit(cast.alice), make.submit(cast.bob)
    for_her = make.submit(cast.bob, grantee="alice")
    traces = Traces()

    leave(cast, how)

    more = AccessRequest.objects.get(extends=active)
    for void in (pending, for_her, more):
        assert sentence(void).startswith("cancelled: Rule ")
        assert "is for people of engineering, and alice is not one of them" in sentence(void)
    assert sentence(other) == "pending: "
    active.refresh_from_db()
    assert (active.state, active.end_reason) == ("revoking", "eligibility_lost")
    assert "is for people of engineering" in active.note
    actor = "os:tests" if how == "file" else "identity-provider"
    assert ("access_request.cancelled", actor, str(pending)) in traces.events()
    assert {("notify", str(pending)), ("revoke", str(active))} <= set(traces.jobs())


def test_whoever_may_still_ask_keeps_everything(cast: Cast) -> None:
    make.apply("bob", groups=["engineering", "data-owners", "security"])
    pending, active = make.submit(cast.bob), make.active_grant(cast.bob, cast.grace)

    make.apply("bob", groups=["engineering"])

    assert sentence(pending) == "pending: "
    assert Grant.objects.get(pk=active.pk).state == "active"


class TestChangesOfCustomRoles:
    @pytest.mark.parametrize(
        ("entry", "why"),
        [
            ({"groups": []}, "is for people of engineering, and alice is not one of them."),
            ({"active": False}, "may no longer sign in."),
        ],
    )
    def test_makes_void_what_waits_and_lets_others_propose(
        self, cast: Cast, entry: dict[str, object], why: str
    ) -> None:
        roles.project()
        roles.publish(roles.rule("ours"))
        change, other = roles.propose(cast.alice), roles.propose(cast.bob, "delete", "alias")
        traces = Traces()

        make.apply("alice", **entry)

        change.refresh_from_db()
        other.refresh_from_db()
        assert (change.state, other.state) == ("cancelled", "pending")
        assert change.note.endswith(why)
        assert ("custom_role.cancelled", "os:tests", str(change)) in traces.events()
        assert traces.facts("custom_role.cancelled")["why"] == change.note
        assert roles.propose(cast.bob).state == "pending"

    def test_keeps_what_one_could_still_propose(self, cast: Cast) -> None:
        roles.project()
        roles.publish(roles.rule("ours", eligible=["engineering"]))
        make.apply("bob", groups=["engineering", "data-owners", "security"])
        change = roles.propose(cast.bob)

        make.apply("bob", groups=["engineering"])

        change.refresh_from_db()
        assert (change.state, change.note) == ("pending", "")
