"""Guards a database that was restored or copied: nothing is asked, decided, made or ended by it until a person accepts it."""

from __future__ import annotations

import pytest
from django.contrib.sessions.models import Session

from accessrequests.domain.events import Job, Via
from accessrequests.models import AuditEvent, Grant, Installation, OutboxMessage, PersonalToken, SlackIdentity
from accessrequests.operations import grants, outbox, people, quarantine, trail
from accessrequests.operations.quarantined import Quarantined
from accessrequests.operations.refusals import Refused
from accessrequests.queries import audit
from accessrequests.queries import people as queries_of_people
from accessrequests.queries import quarantine as queries
from accessrequests.queries.quarantine import Anchored
from tests import kits, make, roles
from tests.make import Cast
from tests.operations.attempts import ended_for
from tests.traces import Traces, leaves_nothing, refuses


def anchored(*, ahead: int = 0, epoch: int = 1) -> Anchored:
    (newest,) = audit.hashes_after(audit.head_sequence() - 1, limit=1)
    return Anchored(audit.head_sequence() + ahead, newest, epoch)


def restored() -> str:
    """The relay starts and finds that there was more."""
    quarantine.look(anchored=None)
    return quarantine.look(anchored=anchored(ahead=7))


def make_token(cast: Cast) -> str:
    _token, secret = people.create_token(person=cast.alice, name="a script", scopes=["read"], actor=make.OPERATOR)
    return secret


def link_to_slack(cast: Cast) -> None:
    SlackIdentity.objects.create(person=cast.bob, team_id="T0ACME", slack_user_id="U0BOB", linked_at=make.now())


class TestLook:
    def test_finds_nothing_where_all_that_was_anchored_is_there(self, cast: Cast) -> None:
        assert quarantine.look(anchored=None) == ""
        with leaves_nothing():
            assert quarantine.look(anchored=anchored()) == ""

        assert queries.why() == ""
        assert Installation.objects.get().epoch == 1

    def test_is_of_the_epoch_that_was_anchored_when_it_has_none_yet(self, cast: Cast) -> None:
        assert quarantine.look(anchored=anchored(epoch=3)) == ""
        assert queries.epoch() == 3

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"ahead": 7}, "it was restored to an earlier time"),
            ({"epoch": 2}, "a database of epoch 2 was accepted since"),
        ],
    )
    def test_knows_an_earlier_time_by_the_anchor(self, cast: Cast, changes: dict[str, int], why: str) -> None:
        quarantine.look(anchored=None)
        Session.objects.create(session_key="of somebody", session_data="", expire_date=make.now())
        traces = Traces()

        assert why in quarantine.look(anchored=anchored(**changes))

        assert why in queries.why()
        assert [event for event, _, _ in traces.events()] == ["database.quarantined"]
        assert not Session.objects.exists(), "Whoever was signed in then may have left since."
        with leaves_nothing():
            assert why in quarantine.look(anchored=None), "Only a person ends it."

    def test_knows_one_that_went_on_from_an_earlier_time(self, cast: Cast) -> None:
        quarantine.look(anchored=None)
        other = Anchored(audit.head_sequence(), "f" * 64)

        assert "is not the one that was anchored" in quarantine.look(anchored=other)

    def test_knows_a_dump_in_another_place_by_itself(self, cast: Cast) -> None:
        quarantine.look(anchored=None)
        Installation.objects.update(database="7312/16384/16999")
        assert queries.why() == queries.MOVED, "Everybody knows it, also before the relay has looked."

        assert quarantine.look(anchored=None) == queries.MOVED

        assert Installation.objects.get().quarantined_at is not None


class TestQuarantine:
    def test_changes_no_state_and_carries_nothing(self, cast: Cast) -> None:
        grant = make.approved_grant(cast.alice, cast.bob)
        message = OutboxMessage.objects.get(job=Job.PROVISION.value, subject=str(grant))
        restored()

        with refuses(Quarantined):
            make.submit(cast.alice)
        with refuses(Quarantined):
            grants.revoke(grant_id=grant.pk, person=cast.erin, via=Via.API, reason="It is enough.")
        assert outbox.claim(message_id=message.pk, owner="a worker") is None
        assert ended_for(grant) == ("pending", "")

    def test_lets_the_trail_be_checked_and_no_token_in(self, cast: Cast) -> None:
        secret = make_token(cast)
        assert queries_of_people.person_by_token(secret, at=make.now()) is not None
        restored()

        trail.note_check(report=audit.verify(), person=cast.dave, via=Via.WEB)

        assert queries_of_people.person_by_token(secret, at=make.now()) is None


class TestAccept:
    def test_ends_all_that_lived_and_drops_what_waited(self, cast: Cast, active: Grant) -> None:
        waiting = make.approved_grant(cast.alice, cast.bob)
        make_token(cast)
        link_to_slack(cast)
        restored()
        traces = Traces()

        accepted = quarantine.accept(
            actor=make.OPERATOR, anchored=anchored(ahead=7), is_complete=False, keeps_tokens=False
        )

        assert (accepted.epoch, accepted.grants, accepted.tokens, accepted.links) == (2, 2, 1, 1)
        assert queries.why() == ""
        assert [ended_for(one) for one in (active, waiting)] == [("revoking", "revoked")] * 2
        assert traces.events()[0][:2] == ("database.accepted", make.OPERATOR.name)
        left = OutboxMessage.objects.filter(done_at=None).values_list("job", "subject")
        assert (Job.PROVISION.value, str(waiting)) not in left
        assert {(Job.REVOKE.value, str(one)) for one in (active, waiting)} <= set(left)
        assert not PersonalToken.objects.filter(revoked_at=None).exists()
        assert not SlackIdentity.objects.exists(), "Who may have unlinked it since is asked to link it again."
        assert quarantine.look(anchored=anchored(ahead=99)) == "", "That line is of the database before."

    def test_leaves_tokens_where_none_was_revoked_since(self, cast: Cast) -> None:
        make_token(cast)
        restored()

        accepted = quarantine.accept(actor=make.OPERATOR, anchored=None, is_complete=False, keeps_tokens=True)

        assert accepted.tokens == 0
        assert PersonalToken.objects.filter(revoked_at=None).exists()

    def test_ends_nothing_of_what_was_only_moved(self, cast: Cast, active: Grant) -> None:
        link_to_slack(cast)
        quarantine.look(anchored=None)
        Installation.objects.update(database="7312/16384/16999")

        accepted = quarantine.accept(actor=make.OPERATOR, anchored=anchored(), is_complete=True, keeps_tokens=False)

        assert (accepted.epoch, accepted.grants, accepted.tokens, accepted.links, accepted.messages) == (2, 0, 0, 0, 0)
        assert SlackIdentity.objects.exists()
        assert ended_for(active) == ("active", "")
        assert queries.why() == ""

    def test_is_refused_where_something_is_missing_or_nothing_is_wrong(self, cast: Cast) -> None:
        with refuses(Refused, match="nothing to accept"):
            quarantine.accept(actor=make.OPERATOR, anchored=None, is_complete=False, keeps_tokens=False)
        restored()

        with refuses(Refused, match="cannot be taken for complete"):
            quarantine.accept(actor=make.OPERATOR, anchored=anchored(ahead=7), is_complete=True, keeps_tokens=False)
        assert queries.why() != ""

    @pytest.mark.parametrize("epoch", [0, None])
    def test_takes_none_for_complete_of_which_the_anchor_says_nothing(self, cast: Cast, epoch: int | None) -> None:
        quarantine.look(anchored=None)
        Installation.objects.update(database="7312/16384/16999")
        said = anchored(epoch=epoch) if epoch is not None else None

        with refuses(Refused, match="says nothing of this database"):
            quarantine.accept(actor=make.OPERATOR, anchored=said, is_complete=True, keeps_tokens=False)

    def test_takes_none_for_complete_that_was_found_restored(self, cast: Cast) -> None:
        """A file of anchors that was replaced since does not make it whole."""
        restored()

        with refuses(Refused, match="restored to an earlier time"):
            quarantine.accept(actor=make.OPERATOR, anchored=anchored(), is_complete=True, keeps_tokens=False)

    def test_leaves_nothing_stuck_that_nothing_files_again(self, cast: Cast) -> None:
        kits.used()
        roles.project()
        change = roles.approve(roles.propose(cast.alice), cast.bob)
        restored()

        quarantine.accept(actor=make.OPERATOR, anchored=None, is_complete=False, keeps_tokens=False)

        left = OutboxMessage.objects.filter(done_at=None).values_list("job", flat=True)
        assert Job.ROTATE_KIT.value in left
        assert Job.CHANGE_CUSTOM_ROLE.value not in left
        change.refresh_from_db()
        assert (change.state, change.finished_at is not None) == ("failed", True)
        assert "Look at the role in Atlas" in change.note
        assert AuditEvent.objects.get(event="custom_role.failed").subject == str(change)
        assert roles.propose(cast.alice).state == "pending", "The role can be changed again."
