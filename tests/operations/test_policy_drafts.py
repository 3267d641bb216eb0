"""Publishing as a change of several people: who must agree is judged by the version in force, and nobody agrees alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accessrequests.domain.events import Via
from accessrequests.domain.policy import InvalidPolicy
from accessrequests.models import Person, PolicyApproval, PolicyDraft, PolicyVersion
from accessrequests.operations import policies, policy_drafts
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries.people import actor_of
from tests import make
from tests.make import Cast
from tests.traces import Traces, refuses

TWO = {"approvals": [{"group": "security", "people": 1}, {"group": "data-owners", "people": 1}]}
ONE = {"approvals": [{"group": "security", "people": 1}]}
LOOSE = {"name": "loose", "rules": [make.rule("prod", maximum="P7D")]}


def _guarded(publishing: dict[str, Any] = ONE) -> None:
    make.publish({"name": "guarded", "rules": [make.rule("prod")], "publishing": publishing})


def _draft(person: Person, document: dict[str, Any] = LOOSE) -> PolicyDraft:
    return policy_drafts.draft(text=yaml.safe_dump(document), document=document, actor=actor_of(person, Via.WEB))


def _proposed(person: Person) -> PolicyDraft:
    return policy_drafts.propose(draft_id=_draft(person).pk, person=person, via=Via.WEB)


def _approve(draft: PolicyDraft, person: Person) -> PolicyDraft:
    return policy_drafts.approve(draft_id=draft.pk, approver=person, via=Via.WEB)


def _in_force() -> str:
    return PolicyVersion.objects.latest("version").name


class TestAlone:
    def test_an_administrator_publishes_a_draft_where_nobody_need_agree(self, cast: Cast) -> None:
        draft = _draft(cast.erin)
        traces = Traces()

        done = policy_drafts.publish_draft(draft_id=draft.pk, person=cast.erin, via=Via.WEB)

        assert (done.state, done.version, done.decided_by) == (
            "published",
            PolicyVersion.objects.latest("version"),
            "erin",
        )
        assert traces.events() == [("policy.published", "erin", "policy/2")]
        with refuses(IllegalMove, match="been published already"):
            policy_drafts.publish_draft(draft_id=draft.pk, person=cast.erin, via=Via.WEB)

    def test_nobody_need_be_asked_then(self, cast: Cast) -> None:
        draft = _draft(cast.erin)

        with refuses(Refused, match="can be published at once"):
            policy_drafts.propose(draft_id=draft.pk, person=cast.erin, via=Via.WEB)

    @pytest.mark.parametrize("name", ["alice", "bob", "carol", "dave", "mallory"])
    def test_others_write_and_publish_nothing(self, cast: Cast, name: str) -> None:
        draft = _draft(cast.erin)
        person = getattr(cast, name)

        with refuses(Refused, match="Only administrators"):
            _draft(person)
        with refuses(Refused, match="Only administrators"):
            policy_drafts.publish_draft(draft_id=draft.pk, person=person, via=Via.WEB)

    def test_keeps_no_draft_that_is_no_policy(self, cast: Cast) -> None:
        with refuses(InvalidPolicy):
            _draft(cast.erin, {"name": "bad"})


class TestTogether:
    def test_nobody_publishes_alone_on_any_surface(self, cast: Cast) -> None:
        _guarded()
        draft = _draft(cast.erin)

        with refuses(Refused, match="1 person of security must agree to the next version"):
            policies.publish(text="x", document=LOOSE, actor=make.OPERATOR)
        with refuses(Refused, match="1 person of security must agree"):
            policy_drafts.publish_draft(draft_id=draft.pk, person=cast.erin, via=Via.WEB)

    def test_is_published_with_the_last_agreement(self, cast: Cast) -> None:
        _guarded(TWO)
        traces = Traces()
        draft = _proposed(cast.erin)

        assert _approve(draft, cast.carol).state == "proposed"
        assert _in_force() == "guarded"
        done = _approve(draft, cast.bob)

        assert (done.state, _in_force()) == ("published", "loose")
        version = PolicyVersion.objects.latest("version")
        assert (version.published_by, version.document) == (cast.erin, yaml.safe_dump(LOOSE))
        assert traces.events() == [
            ("policy.drafted", "erin", str(draft)),
            ("policy.proposed", "erin", str(draft)),
            ("policy.approved", "carol", str(draft)),
            ("policy.approved", "bob", str(draft)),
            ("policy.published", "bob", f"policy/{version.version}"),
        ]

    def test_who_wrote_or_proposed_it_never_counts(self, cast: Cast) -> None:
        make.apply("erin", groups=["administrators", "security"])
        make.apply("carol", groups=["administrators", "security"])
        _guarded()
        draft = _draft(cast.erin)
        policy_drafts.propose(draft_id=draft.pk, person=cast.carol, via=Via.WEB)

        for person in (cast.erin, cast.carol):
            with refuses(Refused, match="Nobody agrees to what they wrote or proposed"):
                _approve(draft, person)

    def test_a_change_that_takes_the_clause_away_is_judged_by_the_clause(self, cast: Cast) -> None:
        _guarded()

        draft = _proposed(cast.erin)
        assert "publishing" not in draft.rules
        _approve(draft, cast.carol)

        make.publish_rules(make.rule("alone-again"))
        assert _in_force() == "another"

    @pytest.mark.parametrize("name", ["alice", "bob", "dave", "mallory"])
    def test_only_those_who_are_asked_agree(self, cast: Cast, name: str) -> None:
        _guarded()
        draft = _proposed(cast.erin)

        with refuses(Refused, match="It waits for 1 person of security"):
            _approve(draft, getattr(cast, name))

    def test_whoever_joined_after_the_proposal_does_not_count(self, cast: Cast) -> None:
        _guarded()
        draft = _proposed(cast.erin)
        make.apply("mallory", groups=["security"])

        with refuses(Refused, match="or were not when it was proposed"):
            _approve(draft, cast.mallory)

    def test_whoever_left_since_no_longer_counts(self, cast: Cast) -> None:
        _guarded(TWO)
        draft = _proposed(cast.erin)
        _approve(draft, cast.carol)
        make.apply("carol", groups=[])

        assert _approve(draft, cast.bob).state == "proposed"
        assert _in_force() == "guarded"

    def test_one_person_agrees_once(self, cast: Cast) -> None:
        _guarded(TWO)
        draft = _proposed(cast.erin)
        _approve(draft, cast.carol)

        with refuses(Refused, match="You agreed to it already"):
            _approve(draft, cast.carol)

    def test_what_was_not_proposed_waits_for_nobody(self, cast: Cast) -> None:
        _guarded()
        draft = _draft(cast.erin)

        with refuses(IllegalMove, match="not been proposed yet"):
            _approve(draft, cast.carol)
        policy_drafts.propose(draft_id=draft.pk, person=cast.erin, via=Via.WEB)
        with refuses(IllegalMove, match="been proposed already"):
            policy_drafts.propose(draft_id=draft.pk, person=cast.erin, via=Via.WEB)

    def test_another_version_in_between_asks_for_a_new_proposal(self, cast: Cast) -> None:
        _guarded()
        mine, theirs = _proposed(cast.erin), _proposed(cast.erin)
        guarded = {"name": "newer", "rules": [make.rule("prod")], "publishing": ONE}
        third = _draft(cast.erin, guarded)
        policy_drafts.propose(draft_id=third.pk, person=cast.erin, via=Via.WEB)
        _approve(third, cast.carol)

        with refuses(IllegalMove, match="Version 3 came into force after this was proposed"):
            _approve(mine, cast.carol)
        policy_drafts.propose(draft_id=mine.pk, person=cast.erin, via=Via.WEB)
        assert _approve(mine, cast.carol).state == "published"
        with refuses(IllegalMove, match="came into force"):
            _approve(theirs, cast.carol)

    def test_what_was_partly_agreed_to_is_written_anew(self, cast: Cast) -> None:
        _guarded(TWO)
        mine = _proposed(cast.erin)
        _approve(mine, cast.carol)
        other = _draft(cast.erin, {"name": "newer", "rules": [make.rule("prod")], "publishing": ONE})
        policy_drafts.propose(draft_id=other.pk, person=cast.erin, via=Via.WEB)
        _approve(other, cast.carol)
        _approve(other, cast.bob)

        with refuses(Refused, match="Write it as a new draft"):
            policy_drafts.propose(draft_id=mine.pk, person=cast.erin, via=Via.WEB)

    def test_agreements_stay_as_they_were_given(self, cast: Cast) -> None:
        _guarded(TWO)
        _approve(_proposed(cast.erin), cast.carol)

        with pytest.raises(DatabaseError, match="keeps facts"), transaction.atomic():
            PolicyApproval.objects.update(comment="changed")


class TestRejecting:
    @pytest.mark.parametrize("name", ["erin", "carol"])
    def test_ends_it(self, cast: Cast, name: str) -> None:
        _guarded()
        draft = _proposed(cast.erin)
        traces = Traces()
        person = getattr(cast, name)

        done = policy_drafts.reject(draft_id=draft.pk, person=person, via=Via.WEB, why="Too long.")

        assert (done.state, done.decided_by, done.why) == ("rejected", name, "Too long.")
        assert traces.events() == [("policy.rejected", name, str(draft))]
        with refuses(IllegalMove, match="been rejected already"):
            _approve(draft, cast.carol)

    def test_is_not_for_everybody(self, cast: Cast) -> None:
        _guarded()
        proposed, written = _proposed(cast.erin), _draft(cast.erin)

        with refuses(Refused, match="Only administrators, and those"):
            policy_drafts.reject(draft_id=proposed.pk, person=cast.bob, via=Via.WEB, why="No.")
        with refuses(Refused, match="Only administrators, and those"):
            policy_drafts.reject(draft_id=written.pk, person=cast.carol, via=Via.WEB, why="No.")


def test_from_the_command_line_a_draft_is_nobodys(cast: Cast) -> None:
    """So that whoever stands there must sign in to propose it, and then counts no more."""
    _guarded()

    draft = policy_drafts.draft(text=yaml.safe_dump(LOOSE), document=LOOSE, actor=make.OPERATOR)

    assert (draft.state, draft.drafted_by) == ("draft", None)


def test_requests_are_locked_before_people_as_by_everybody_who_decides(cast: Cast) -> None:
    """Otherwise the agreement and a decision that is made meanwhile could wait for each other."""
    _guarded()
    alone, agreed = _draft(cast.erin), _proposed(cast.erin)

    verbs: list[Callable[[], PolicyDraft]] = [
        lambda: _approve(agreed, cast.carol),
        lambda: policy_drafts.publish_draft(draft_id=alone.pk, person=cast.erin, via=Via.WEB),
    ]
    for verb in verbs:
        with CaptureQueriesContext(connection) as asked:
            verb()
        locks = [
            one["sql"]
            for one in asked.captured_queries
            if "FOR NO KEY UPDATE" in one["sql"] or "FOR SHARE" in one["sql"]
        ]
        tables = [
            next(name for name in ('_accessrequest"', "_policydraft", "_person") if name in lock) for lock in locks
        ]
        assert tables[:3] == ['_accessrequest"', "_policydraft", "_person"]
