"""Guards live access over REST: what a grant says, its password shown once and to its holder only, its end."""

from __future__ import annotations

from datetime import timedelta

from accessrequests.models import AuditEvent, Credential, Grant
from accessrequests.operations import credentials, grants
from accessrequests.queries import clock as real_clock
from tests import make
from tests.api.caller import Caller
from tests.api.world import World, active_grant
from tests.fixtures import MovableClock
from tests.make import Cast

SHAPE = {
    "id", "access_request", "state", "target", "kind", "holder", "username", "roles", "starts_at", "activated_at",
    "expires_at", "revoked_at", "reason", "note", "overdue", "credential", "gates",
}  # fmt: skip


class TestAGrant:
    def test_says_where_it_stands(self, world: World) -> None:
        found = Caller(world.cast.alice).get(world.path("grants/{grant}/")).json()

        assert set(found) >= SHAPE
        assert (found["state"], found["credential"], found["holder"]) == ("active", "ready", "alice")
        assert (found["reason"], found["note"], found["overdue"]) == (None, "", False)
        assert [(gate["gate"], gate["state"]) for gate in found["gates"]] == [("user", "open"), ("roles", "open")]
        assert found["gates"][0]["evidence"] == {"open": {"proof": "login"}}
        assert found["sentence"].startswith("Live until ")

    def test_that_waits_shows_when_it_may_start(self, cast: Cast) -> None:
        starts_at = real_clock.now() + timedelta(days=1)
        grant = make.approved_grant(cast.alice, cast.bob, starts_at=starts_at)

        found = Caller(cast.alice).get(f"grants/{grant.pk}/").json()

        assert (found["state"], found["credential"], found["expires_at"]) == ("pending", "none", None)
        assert found["starts_at"] == starts_at.isoformat().replace("+00:00", "Z")
        assert found["sentence"].startswith("Waiting for its start at ")

    def test_that_should_have_ended_may_still_work(self, world: World, clock: MovableClock) -> None:
        caller, path = Caller(world.cast.alice), world.path("grants/{grant}/")
        clock.advance(timedelta(hours=3))
        before = caller.get(path).json()
        assert grants.expire(grant_id=world.grant.pk)
        clock.advance(timedelta(seconds=6))
        grants.note_revocation_failure(grant_id=world.grant.pk, sentence="shop-prod does not answer.")

        found = caller.get(path).json()
        grants.mark_cut(cuts=[grants.Cut(world.grant.pk, {"users": 0})])
        cut = caller.get(path).json()

        assert (before["state"], before["overdue"]) == ("active", True)
        assert (found["state"], found["reason"], found["overdue"]) == ("revoking", "expiry", True)
        assert "may still work, retrying" in before["sentence"]
        assert "may still work, retrying" in found["sentence"]
        assert found["last_error"] == "shop-prod does not answer."
        assert (cut["overdue"], cut["last_error"]) == (False, "")

    def test_lists_are_narrowed_by_state(self, world: World) -> None:
        caller = Caller(world.cast.alice)
        waiting = make.approved_grant(world.cast.alice, world.cast.bob)

        def found(state: str) -> list[int]:
            return [one["id"] for one in caller.get("grants/", state=state).json()["results"]]

        assert (found("active"), found("pending"), found("revoked")) == ([world.grant.pk], [waiting.pk], [])


class TestReveal:
    def test_shows_the_password_once_and_forgets_it(self, world: World) -> None:
        caller, path = Caller(world.cast.alice), world.path("grants/{grant}/reveal/")

        first, second = caller.post(path), caller.post(path)

        shown = first.json()
        assert set(shown) == {"username", "password", "connection_string", "expires_at"}
        assert shown["username"] == world.grant.username
        assert (
            f"{shown['username']}:{shown['password']}@127.0.0.1:27017/?authSource=admin" in shown["connection_string"]
        )
        assert (second.status_code, second.json()["code"]) == (410, "gone")
        assert second.json()["detail"].endswith("POST rotate/ makes it.")
        credential = Credential.objects.get(grant=world.grant)
        assert (credential.state, credential.sealed) == ("revealed", None)
        assert caller.get(world.path("grants/{grant}/")).json()["credential"] == "revealed"

    def test_is_kept_by_no_cache_and_no_audit(self, world: World) -> None:
        answer = Caller(world.cast.alice).post(world.path("grants/{grant}/reveal/"))

        password = answer.json()["password"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers
        assert not any(password in str(event.facts) for event in AuditEvent.objects.all())

    def test_waits_for_the_access(self, cast: Cast) -> None:
        grant = make.approved_grant(cast.alice, cast.bob)

        answer = Caller(cast.alice).post(f"grants/{grant.pk}/reveal/")

        assert (answer.status_code, answer.json()["code"]) == (409, "not_ready")

    def test_is_over_with_the_access(self, world: World, clock: MovableClock) -> None:
        caller, path = Caller(world.cast.alice), world.path("grants/{grant}/reveal/")
        clock.advance(timedelta(hours=2))
        expired = caller.post(path)
        grants.expire(grant_id=world.grant.pk)
        ended = caller.post(path)

        assert [expired.status_code, ended.status_code] == [410, 410]
        assert Credential.objects.get(grant=world.grant).sealed is None

    def test_is_over_when_nobody_read_it(self, world: World, clock: MovableClock) -> None:
        clock.advance(timedelta(minutes=16))
        credentials.erase_unread(grant_id=world.grant.pk)

        answer = Caller(world.cast.alice).post(world.path("grants/{grant}/reveal/"))

        assert answer.status_code == 410

    def test_of_another_s_is_refused_and_kept(self, world: World) -> None:
        for person, status in (("bob", 403), ("dave", 403), ("erin", 403), ("mallory", 404), ("carol", 404)):
            answer = Caller(getattr(world.cast, person)).post(world.path("grants/{grant}/reveal/"))
            kept = AuditEvent.objects.latest("sequence")
            assert answer.status_code == status
            assert (kept.event, kept.actor, kept.subject) == ("grant.refused", person, str(world.grant))

        assert Credential.objects.get(grant=world.grant).state == "ready"

    def test_of_what_is_not_there_leaves_no_trace(self, world: World) -> None:
        caller, before = Caller(world.cast.mallory), AuditEvent.objects.count()

        answers = [caller.post(f"grants/{number}/reveal/") for number in (0, 999_999, 2**63 - 1)]

        hidden = caller.post(world.path("grants/{grant}/reveal/"))
        assert {answer.status_code for answer in answers} == {404}
        assert hidden.json() == answers[0].json()
        assert AuditEvent.objects.count() == before + 1  # the one hand that reached for something


class TestRotate:
    def test_makes_a_new_one_ready(self, world: World) -> None:
        caller = Caller(world.cast.alice)
        first = caller.post(world.path("grants/{grant}/reveal/")).json()["password"]

        asked = caller.post(world.path("grants/{grant}/rotate/"))
        again = caller.post(world.path("grants/{grant}/rotate/"))
        renewal = credentials.start_rotation(grant_id=world.grant.pk)
        assert renewal is not None
        credentials.mark_rotated(grant_id=world.grant.pk, generation=renewal.generation)
        second = caller.post(world.path("grants/{grant}/reveal/")).json()["password"]

        assert (asked.status_code, asked.json()["credential"]) == (202, "none")
        assert (again.status_code, again.json()["code"]) == (409, "not_ready")
        assert second != first
        assert second == renewal.password


class TestTheEnd:
    def test_told_twice_says_who_was_faster(self, world: World) -> None:
        path = world.path("grants/{grant}/")

        first = Caller(world.cast.bob).post(f"{path}revoke/", {"reason": "The ticket was closed."})
        late = Caller(world.cast.alice).post(f"{path}release/")

        found = first.json()
        assert (first.status_code, found["state"], found["reason"]) == (202, "revoking", "revoked")
        assert (found["note"], found["credential"]) == ("The ticket was closed.", "erased")
        assert (late.status_code, late.json()["code"]) == (409, "illegal_move")
        assert (late.json()["winner"]["person"], late.json()["winner"]["what"]) == ("bob", "revoked")

    def test_before_it_began_created_no_access(self, cast: Cast) -> None:
        grant = make.approved_grant(cast.alice, cast.bob)

        released = Caller(cast.alice).post(f"grants/{grant.pk}/release/")
        grants.mark_cut(cuts=[grants.Cut(grant.pk, {})])
        grants.mark_revoked(grant_id=grant.pk, evidence={}, looked_at=real_clock.now())
        found = Caller(cast.alice).get(f"grants/{grant.pk}/").json()

        assert released.status_code == 202
        assert found["sentence"] == "No access was created: alice gave it back."

    def test_is_seen_by_the_approver(self, cast: Cast) -> None:
        grant = active_grant(cast)
        Caller(cast.alice).post(f"grants/{grant.pk}/release/")

        assert Caller(cast.bob).get(f"grants/{grant.pk}/").json()["reason"] == "released"
        assert Grant.objects.get(pk=grant.pk).ended_by == "alice"
