"""Guards `Idempotency-Key`: a POST that is sent again, even at the same moment, does nothing again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from accessrequests.models import AccessRequest, Approval, AuditEvent, Delegation, Grant, IdempotencyKey
from tests import make
from tests.api.caller import Caller, ask
from tests.api.world import POSTS, TOMORROW, Endpoint, World, active_grant, picture
from tests.make import Cast

ACTORS = {
    "approve": "bob",
    "deny": "bob",
    "revoke": "bob",
    "bundle_approve": "bob",
    "bundle_deny": "bob",
    "approve_role": "bob",
    "deny_role": "bob",
    "target_look": "erin",
    "policy_drafts": "erin",
    "policy_draft_publish": "erin",
    "policy_draft_reject": "erin",
    "cancel_review": "erin",
    "access_reviews": "erin",
    "answer_review": "bob",
}
# What only frank may do, test_break_glass.py does twice; test_policies.py proposes twice, and agrees twice to what was
# proposed, and test_access_reviews.py signs twice off what nothing waits in.
KEYED = tuple(
    endpoint
    for endpoint in POSTS
    if endpoint.name
    not in {
        "preview",
        "preview_role",
        "policy_simulate",
        "wizard",
        "break_glass",
        "break_glass_review",
        "policy_draft_propose",
        "policy_draft_agree",
        "sign_off_review",
    }
)


def at_once(callers: list[Any]) -> list[Any]:
    """Call them all in the same moment, each on a thread and a connection of its own."""
    gate = threading.Barrier(len(callers))

    def go(call: Any) -> Any:
        gate.wait()
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(callers)) as pool:
        return list(pool.map(go, callers))


class TestARepeat:
    @pytest.mark.parametrize("endpoint", KEYED, ids=str)
    def test_changes_nothing_and_answers_the_object(self, world: World, endpoint: Endpoint) -> None:
        caller = Caller(getattr(world.cast, ACTORS.get(endpoint.name, "alice")))
        path = world.path(endpoint.path)
        first = caller.post(path, world.body(endpoint), key="a key")
        after = picture()

        again = caller.post(path, world.body(endpoint), key="a key")

        if endpoint.name == "reveal":
            assert (again.status_code, again.json()["code"]) == (410, "gone")
            assert "password" not in again.json()
        else:
            assert first.status_code < 300, first.content
            assert (again.status_code, again.json()) == (first.status_code, first.json())
        assert picture() == after

    def test_with_another_body_or_path_is_422(self, world: World) -> None:
        """The key has been used by each of them, for an ask or, by her who may not ask, to end what somebody has."""
        callers = {name: Caller(getattr(world.cast, name)) for name in ("alice", *sorted({*ACTORS.values()}))}
        for caller in callers.values():
            caller.post("access-requests/", ask(ticket="ANOTHER"), key="a key")
            caller.post(world.path("grants/{grant}/revoke/"), {"reason": "Else."}, key="a key")
        assert IdempotencyKey.objects.count() == len(callers)
        after = picture()

        for endpoint in KEYED:
            caller = callers[ACTORS.get(endpoint.name, "alice")]
            answer = caller.post(world.path(endpoint.path), world.body(endpoint), key="a key")
            assert (answer.status_code, list(answer.json()["errors"])) == (422, ["Idempotency-Key"]), str(endpoint)

        assert picture() == after

    def test_of_another_person_is_a_call_of_its_own(self, world: World) -> None:
        first = Caller(world.cast.alice).post("access-requests/", ask(), key="a key")
        second = Caller(world.cast.bob).post("access-requests/", ask(), key="a key")

        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json()["id"] != second.json()["id"]

    def test_after_a_refusal_is_tried_again(self, world: World) -> None:
        caller = Caller(world.cast.alice)

        for _ in range(2):
            answer = caller.post("access-requests/", ask(duration="PT9H"), key="a key")
            assert (answer.status_code, answer.json()["rule"]) == (403, "production-read")
        assert not IdempotencyKey.objects.exists()

    def test_does_not_show_what_the_person_may_no_longer_see(self, world: World) -> None:
        bob = Caller(world.cast.bob)
        bob.post(world.path("grants/{grant}/revoke/"), {"reason": "Enough."}, key="a key")
        other = Caller(world.cast.mallory).post(
            world.path("grants/{grant}/revoke/"), {"reason": "Enough."}, key="a key"
        )

        assert other.status_code == 404

    def test_needs_a_key_of_printable_characters(self, world: World) -> None:
        caller = Caller(world.cast.alice)
        before = picture()

        for key in ("", "x" * 256, "a\tb", "\u00e9", "\x00"):
            answer = caller.post("access-requests/", ask(), key=key)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid")

        assert picture() == before

    def test_of_a_preview_is_looked_at_by_nobody(self, world: World) -> None:
        caller = Caller(world.cast.alice)

        for body in (ask(), ask(ticket="OTHER")):
            assert caller.post("access-requests/preview/", body, key="a key").status_code == 200


class TestTwins:
    def test_file_one_request(self, committed_cast: Cast) -> None:
        caller = Caller(committed_cast.alice)

        answers = at_once([lambda: caller.post("access-requests/", ask(), key="one")] * 8)

        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert AccessRequest.objects.count() == 1
        assert AuditEvent.objects.filter(event="access_request.submitted").count() == 1

    def test_lend_one_voice(self, committed_cast: Cast) -> None:
        caller = Caller(committed_cast.alice)
        body = {"stand_in": "frank", "ends_at": TOMORROW}

        answers = at_once([lambda: caller.post("delegations/", body, key="one")] * 8)

        assert {answer.status_code for answer in answers} == {201}
        assert Delegation.objects.count() == 1

    def test_give_one_approval(self, committed_cast: Cast) -> None:
        access_request = make.submit(committed_cast.alice)
        caller = Caller(committed_cast.bob)

        path = f"access-requests/{access_request.pk}/approve/"
        answers = at_once([lambda: caller.post(path, {"revision": 1}, key="one")] * 8)

        assert {answer.status_code for answer in answers} == {200}
        assert (Approval.objects.count(), Grant.objects.count()) == (1, 1)

    def test_see_one_secret(self, committed_cast: Cast) -> None:
        grant = active_grant(committed_cast)
        caller = Caller(committed_cast.alice)

        answers = at_once([lambda: caller.post(f"grants/{grant.pk}/reveal/", key="one")] * 20)

        assert sorted(answer.status_code for answer in answers) == [200] + [410] * 19
        assert AuditEvent.objects.filter(event="credential.revealed").count() == 1


class TestRivals:
    """The same without keys: the rows decide."""

    def test_twenty_approvals_make_one_grant(self, committed_cast: Cast) -> None:
        access_request = make.submit(committed_cast.alice)
        callers = [Caller(committed_cast.bob), Caller(committed_cast.grace)] * 10

        path = f"access-requests/{access_request.pk}/approve/"
        answers = at_once([lambda caller=caller: caller.post(path, {"revision": 1}) for caller in callers])

        assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
        winners = {answer.json()["winner"]["person"] for answer in answers if answer.status_code == 409}
        assert winners == {Approval.objects.get().person.username}
        assert Grant.objects.count() == 1

    def test_approve_against_cancel_has_one_winner(self, committed_cast: Cast) -> None:
        access_request = make.submit(committed_cast.alice)
        alice, bob = Caller(committed_cast.alice), Caller(committed_cast.bob)
        path = f"access-requests/{access_request.pk}"

        answers = at_once(
            [lambda: alice.post(f"{path}/cancel/"), lambda: bob.post(f"{path}/approve/", {"revision": 1})]
        )

        assert sorted(answer.status_code for answer in answers) == [200, 409]
        (loser,) = (answer.json() for answer in answers if answer.status_code == 409)
        access_request.refresh_from_db()
        assert loser["code"] == "illegal_move"
        assert loser["winner"]["person"] == access_request.decided_by
        assert loser["winner"]["what"] == access_request.state
        assert Grant.objects.count() == (access_request.state == "approved")

    def test_twenty_reveals_show_one_secret(self, committed_cast: Cast) -> None:
        grant = active_grant(committed_cast)
        caller = Caller(committed_cast.alice)

        answers = at_once([lambda: caller.post(f"grants/{grant.pk}/reveal/")] * 20)

        assert sorted(answer.status_code for answer in answers) == [200] + [410] * 19
