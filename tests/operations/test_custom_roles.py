"""Changing custom roles: rows, audit and outbox after each verb, and nothing at all after a refusal."""

from __future__ import annotations

import pytest

from accessrequests.domain.events import Via
from accessrequests.domain.role_definitions import read
from accessrequests.models import CustomRoleChange, Person
from accessrequests.operations import custom_roles
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import IllegalMove, NotYours, Refused, StaleRevision
from accessrequests.queries import custom_roles as custom_role_queries
from accessrequests.queries.asks import Invalid, NotReadYet
from tests import make, roles
from tests.make import Cast
from tests.traces import Traces, refuses


def deny(change: CustomRoleChange, approver: Person, *, reason: str = "Ask for the report.") -> CustomRoleChange:
    return custom_roles.deny(
        change_id=change.pk, approver=approver, via=Via.API, revision=change.revision, reason=reason
    )


class TestPropose:
    def test_files_what_was_and_what_shall_be(self, cast: Cast) -> None:
        roles.project()
        traces = Traces()

        change = roles.propose(cast.alice)

        change.refresh_from_db()
        assert (change.state, change.level, change.step_groups) == ("pending", "read", ["data-owners"])
        assert change.before == {"privileges": ["find,listIndexes@shop.orders"], "inherits": []}
        assert change.after == {
            "privileges": ["find,listIndexes@shop.orders", "find@shop.products"],
            "inherits": [],
        }
        assert traces.events() == [("custom_role.proposed", "alice", str(change))]
        assert traces.facts("custom_role.proposed")["after"] == change.after
        assert traces.jobs() == [("notify", str(change))]

    def test_is_carried_out_at_once_where_nobody_is_asked(self, cast: Cast) -> None:
        roles.project()
        roles.publish(roles.rule("free", approvals=[]))
        traces = Traces()

        change = roles.propose(cast.alice, "create", "sales")

        assert (change.state, change.decided_by, change.before) == ("approved", "policy", None)
        assert [event for event, *_ in traces.events()] == ["custom_role.proposed", "custom_role.approved"]
        assert ("change_custom_role", str(change)) in traces.jobs()

    def test_is_filed_once_for_one_key(self, cast: Cast) -> None:
        roles.project()
        key = Idempotency(person_id=cast.alice.pk, key="k", path="/", body_hash="h")

        change = custom_roles.propose(proposer=cast.alice, proposed=roles.proposed(), via=Via.API, idempotency=key)

        assert cast.alice.pk == change.proposer_id
        with pytest.raises(IllegalMove):
            custom_roles.propose(proposer=cast.alice, proposed=roles.proposed(), via=Via.API, idempotency=key)

    def test_is_refused_by_the_policy_by_name(self, cast: Cast) -> None:
        roles.project()
        with refuses(Refused, match="mallory is not one of them") as caught:
            roles.propose(cast.mallory)
        assert caught.value.rule == "roles"

        roles.publish(roles.rule("elsewhere", match={"environments": ["staging"]}))
        with refuses(Refused, match="No rule of the policy another is about custom roles"):
            roles.propose(cast.alice)

        roles.publish(roles.rule("open"), roles.rule("closed", deny=True))
        with refuses(Refused, match="Rule closed refuses every change"):
            roles.propose(cast.alice)

    def test_waits_for_another_change_of_the_same_role(self, cast: Cast) -> None:
        roles.project()
        roles.propose(cast.alice)

        with refuses(IllegalMove, match="A change of reporting that alice proposed waits for its answer") as caught:
            roles.propose(cast.bob, privileges=("find@shop.orders",))
        assert caught.value.person == "alice"
        roles.approve(roles.propose(cast.alice, "edit", "support"), cast.bob)
        with refuses(IllegalMove, match="is being carried out"):
            roles.propose(cast.bob, "edit", "support")

    def test_is_refused_when_the_project_is_full(self, cast: Cast) -> None:
        """95 of 100 with the reserve; what is approved and not there yet counts."""
        roles.project(custom_roles={"limit": 100, "used": 94})
        roles.approve(roles.propose(cast.alice, "create", "sales"), cast.bob)

        with refuses(Refused, match="94 are taken and 1 more promised"):
            roles.propose(cast.alice, "create", "more")
        assert roles.propose(cast.alice).state == "pending"

    @pytest.mark.parametrize(
        ("kind", "role", "changes", "why"),
        [
            ("create", "xgen-mine", {}, "keeps for itself"),
            ("create", "read", {}, "keeps for itself"),
            ("create", "-x", {}, "begins with a letter or a digit"),
            ("create", "access-mine", {}, "made for accesses"),
            ("create", "reporting", {}, "has a role called reporting already"),
            ("create", "sales", {"inherits": ("nothing@admin",)}, "no role nothing@admin to inherit from"),
            ("edit", "nowhere", {}, "no custom role called nowhere"),
            ("edit", "access-0123456789abcdef0123", {}, "Nobody changes it by hand"),
            ("edit", "reporting", {"privileges": ("listIndexes,find@shop.orders",)}, "is like this already"),
            ("edit", "reporting", {"inherits": ("support@admin",)}, "would inherit from itself"),
            ("edit", "reporting", {"privileges": (), "inherits": ()}, "at least one privilege"),
            ("edit", "reporting", {"privileges": ("find",)}, "find says nothing"),
            ("edit", "reporting", {"reason": " "}, "Say why"),
            ("edit", "reporting", {"reason": "x" * 2001}, "within 2000"),
            ("edit", "reporting", {"target": "shop-prod"}, "no project called shop-prod"),
            ("edit", "reporting", {"target": "nowhere"}, "no project called nowhere"),
            ("delete", "support", {}, "1 login would be left without a role"),
            ("delete", "reporting", {}, "alias would be left with nothing in it"),
        ],
    )
    def test_is_refused_before_atlas_has_to(
        self, cast: Cast, kind: str, role: str, changes: dict[str, object], why: str
    ) -> None:
        roles.project()
        with refuses(Invalid, match=why):
            roles.propose(cast.alice, kind, role, **changes)

    def test_needs_an_inventory(self, cast: Cast) -> None:
        make.apply_atlas(roles.SLUG)
        with refuses(NotReadYet):
            roles.propose(cast.alice)

    def test_does_not_delete_what_an_access_uses(self, cast: Cast) -> None:
        roles.project(users={})
        make.publish_rules(make.rule("any"))
        asked = make.submit_to_atlas(cast.alice, roles=("support@admin",))
        grant = make.approve(asked, cast.bob).grant
        roles.publish(roles.rule("any"))

        with refuses(Invalid, match=f"Access {grant.pk} uses support. End it first"):
            roles.propose(cast.alice, "delete", "support")


class TestApprove:
    def test_the_last_approval_has_it_carried_out(self, cast: Cast) -> None:
        roles.project()
        roles.publish(roles.rule("one"), roles.rule("other", approvals=[{"group": "security", "people": 1}]))
        change = roles.propose(cast.alice)
        traces = Traces()

        roles.approve(change, cast.carol)
        with refuses(IllegalMove, match="You have approved this change already"):
            roles.approve(change, cast.carol)
        done = custom_roles.approve(change_id=change.pk, approver=cast.bob, via=Via.WEB, revision=1, comment="Good.")

        assert (done.state, done.decided_by) == ("approved", "bob")
        assert [(one["person"], one["group"], one["comment"]) for one in done.answers] == [
            ("carol", "security", ""),
            ("bob", "data-owners", "Good."),
        ]
        assert [event for event, *_ in traces.events()] == [
            "custom_role.approval_given",
            "custom_role.approval_given",
            "custom_role.approved",
        ]
        assert traces.jobs() == [("change_custom_role", str(change))]

    def test_nobody_approves_their_own_nor_what_their_login_has(self, cast: Cast) -> None:
        roles.project()
        roles.publish(roles.rule("any", approvals=[{"group": "engineering", "people": 1}]))
        change = roles.propose(cast.bob, "edit", "support")

        with refuses(Refused, match="Nobody decides on a change that they propose"):
            roles.approve(change, cast.bob)
        with refuses(Refused, match="You have the role support, by a login"):
            deny(change, cast.alice)
        with refuses(Refused, match="decided by engineering") as caught:
            roles.approve(change, cast.carol)
        assert (caught.value.event, caught.value.subject) == ("custom_role.refused", str(change))
        assert roles.approve(change, cast.grace).state == "approved"

    def test_nobody_decides_on_what_an_access_of_theirs_has(self, cast: Cast) -> None:
        roles.project()
        roles.publish(roles.rule("any", approvals=[{"group": "engineering", "people": 1}]))
        access = make.submit_to_atlas(cast.grace, roles=("support@admin",))
        change = roles.propose(cast.bob)
        assert custom_role_queries.gainers(change.target, "reporting") == {"alice"}
        make.approve(access, cast.bob)

        with refuses(Refused, match="You have the role reporting, by a login or an access of yours"):
            roles.approve(change, cast.grace)

    def test_whoever_is_slower_learns_who_was_faster(self, cast: Cast) -> None:
        roles.project()
        change = roles.propose(cast.alice)
        with refuses(StaleRevision):
            custom_roles.approve(change_id=change.pk, approver=cast.bob, via=Via.API, revision=2)
        roles.approve(change, cast.bob)

        with refuses(IllegalMove, match="bob was faster: the change is approved already") as caught:
            deny(change, cast.grace)
        assert (caught.value.person, caught.value.what) == ("bob", "approved")
        with refuses(IllegalMove, match="You have approved this at"):
            roles.approve(change, cast.bob)
        with refuses(IllegalMove, match="bob was faster"):
            custom_roles.cancel(change_id=change.pk, person=cast.alice, via=Via.API)

    def test_an_approval_of_a_group_that_has_spoken_adds_nothing(self, cast: Cast) -> None:
        roles.project()
        roles.publish(roles.rule("one"), roles.rule("other", approvals=[{"group": "security", "people": 1}]))
        change = roles.propose(cast.alice)
        roles.approve(change, cast.bob)

        with refuses(IllegalMove, match="bob has approved for your group already"):
            roles.approve(change, cast.grace)

    def test_a_stricter_policy_of_today_counts(self, cast: Cast) -> None:
        roles.project()
        change = roles.propose(cast.alice)
        roles.publish(roles.rule("strict", approvals=[{"group": "security", "people": 1}]))

        assert roles.approve(change, cast.bob).state == "pending"
        roles.publish(roles.rule("closed", deny=True))
        with refuses(Refused, match="Rule closed refuses"):
            roles.approve(change, cast.carol)

    def test_is_refused_when_the_role_was_changed_meanwhile(self, cast: Cast) -> None:
        roles.project()
        change = roles.propose(cast.alice)
        roles.project(roles={**roles.ROLES, "reporting": roles.ROLES["support"]})

        with refuses(Refused, match="reporting"):
            roles.approve(change, cast.bob)
        roles.project(roles={**roles.ROLES, "reporting": read(["find@shop.payments"], [])})
        with refuses(Refused, match="reporting was changed meanwhile"):
            roles.approve(change, cast.bob)
        assert deny(change, cast.bob).state == "denied"

    def test_the_last_place_is_promised_once(self, cast: Cast) -> None:
        roles.project(custom_roles={"limit": 100, "used": 94})
        one, other = (roles.propose(cast.alice, "create", name) for name in ("one", "other"))
        roles.approve(one, cast.bob)

        with refuses(Refused, match="is full"):
            roles.approve(other, cast.bob)


class TestDeny:
    def test_one_no_ends_it(self, cast: Cast) -> None:
        roles.project()
        change, traces = roles.propose(cast.alice), Traces()

        with refuses(Invalid, match="Say why"):
            deny(change, cast.bob, reason=" ")
        deny(change, cast.bob)

        change.refresh_from_db()
        assert (change.state, change.decided_by, change.answers[0]["comment"]) == (
            "denied",
            "bob",
            "Ask for the report.",
        )
        assert traces.events() == [("custom_role.denied", "bob", str(change))]
        assert traces.jobs() == [("notify", str(change))]
        with refuses(IllegalMove, match="You have denied this at"):
            deny(change, cast.bob)
        assert roles.propose(cast.bob).state == "pending", "The way is free again."


class TestCancel:
    def test_is_for_whoever_proposed_it(self, cast: Cast) -> None:
        roles.project()
        change, traces = roles.propose(cast.alice), Traces()

        with refuses(Refused, match="Only the person who proposed it"):
            custom_roles.cancel(change_id=change.pk, person=cast.bob, via=Via.API)
        custom_roles.cancel(change_id=change.pk, person=cast.alice, via=Via.API)

        assert traces.events() == [("custom_role.cancelled", "alice", str(change))]
        with refuses(IllegalMove, match="You took it back"):
            custom_roles.cancel(change_id=change.pk, person=cast.alice, via=Via.API)
        with refuses(IllegalMove, match="alice was faster: the change is taken back already"):
            roles.approve(change, cast.bob)

    def test_is_for_administrators_too(self, cast: Cast) -> None:
        roles.project()
        change, traces = roles.propose(cast.alice), Traces()

        custom_roles.cancel(change_id=change.pk, person=cast.erin, via=Via.API)

        assert traces.events() == [("custom_role.cancelled", "erin", str(change))]


class TestCarriedOut:
    def test_ends_as_what_the_target_said_and_only_once(self, cast: Cast) -> None:
        roles.project()
        roles.publish(roles.rule("free", approvals=[]))
        change = roles.propose(cast.alice)
        with refuses(IllegalMove, match="approved by the policy itself"):
            custom_roles.cancel(change_id=change.pk, person=cast.alice, via=Via.API)

        custom_roles.note_trouble(change_id=change.pk, why="Atlas does not answer.")
        custom_roles.note_trouble(change_id=change.pk, why="Atlas does not answer.")
        change.refresh_from_db()
        assert (change.state, change.note) == ("approved", "Atlas does not answer.")
        traces = Traces()
        custom_roles.mark_applied(change_id=change.pk)
        custom_roles.mark_applied(change_id=change.pk)
        custom_roles.mark_failed(change_id=change.pk, why="Late.")
        custom_roles.note_trouble(change_id=change.pk, why="Late.")

        change.refresh_from_db()
        assert (change.state, change.note, change.finished_at is None) == ("applied", "", False)
        assert traces.events() == [("custom_role.applied", "access-requests", str(change))]

    def test_or_as_why_it_was_not_done(self, cast: Cast) -> None:
        roles.project()
        roles.publish(roles.rule("free", approvals=[]))
        change, traces = roles.propose(cast.alice), Traces()

        custom_roles.mark_failed(change_id=change.pk, why="Refused: a limit is reached.")

        change.refresh_from_db()
        assert (change.state, change.note) == ("failed", "Refused: a limit is reached.")
        assert traces.facts("custom_role.failed")["why"] == "Refused: a limit is reached."
        assert traces.jobs() == [("notify", str(change))]


def test_reaching_for_a_change_that_one_may_not_see_is_worth_keeping(cast: Cast) -> None:
    roles.project()
    change = roles.propose(cast.alice)

    refused = NotYours(change).refused

    assert (refused.event, refused.subject) == ("custom_role.refused", str(change))


class TestStart:
    def test_is_judged_again_before_a_worker_begins(self, cast: Cast) -> None:
        roles.project()
        change = roles.approve(roles.propose(cast.alice), cast.bob)
        assert custom_roles.start(change_id=change.pk) == change
        two = [{"group": "data-owners", "people": 1}, {"group": "security", "people": 1}]
        roles.publish(roles.rule("any", approvals=two))
        traces = Traces()

        assert custom_roles.start(change_id=change.pk) is None

        change.refresh_from_db()
        assert change.state == "failed"
        assert change.note == "By the policy of today 1 person of security must approve it, too. Propose it again."
        assert [event for event, *_ in traces.events()] == ["custom_role.failed"]
        assert custom_roles.start(change_id=change.pk) is None, "It is over."

    def test_says_what_an_earlier_call_may_have_done(self, cast: Cast) -> None:
        roles.project()
        change = roles.approve(roles.propose(cast.alice), cast.bob)
        custom_roles.note_trouble(change_id=change.pk, why="Atlas gave no answer.")
        make.apply("alice", groups=["auditors"])

        assert custom_roles.start(change_id=change.pk) is None

        change.refresh_from_db()
        assert change.note.endswith(custom_roles.MAY_BE_DONE)
        assert "alice is not one of them" in change.note
