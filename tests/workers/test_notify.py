"""Guards notices: who gets mail, in whose words, and that nothing secret is ever in it."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from datetime import timedelta

from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from pytest_django import Settings

from accessrequests.domain.events import Job, Via
from accessrequests.models import OutboxMessage
from accessrequests.operations import access_requests, bundles, delegations, grants, policy_drafts, targets
from tests import make
from tests.workers.conftest import READ_ORDERS, SHOP, WORKER, Work, drain
from tests.workers.database_clock import DatabaseClock
from tests.workers.rows import carry, due_now, fresh, message


def sent() -> dict[str, list[str]]:
    """Subjects by address, in the order of sending; the outbox is emptied."""
    told: dict[str, list[str]] = {}
    for one in mail.outbox:
        assert len(one.to) == 1, "nobody learns who else was told"
        assert not one.cc
        assert not one.bcc
        told.setdefault(one.to[0], []).append(str(one.subject))
    mail.outbox.clear()
    return told


class Refusing(EmailBackend):
    """A mail server that is away."""

    def send_messages(self, messages: object) -> int:
        raise ConnectionRefusedError("mail.internal.example.com:25 refused alice@example.com")


class Choosy(EmailBackend):
    """A mail server that has no box for bob."""

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        if any("bob@example.com" in message.to for message in messages):
            raise smtplib.SMTPRecipientsRefused({"bob@example.com": (550, b"no such box")})
        return super().send_messages(messages)


class TestNotify:
    def test_asks_those_who_may_decide_and_nobody_else(self, work: Work) -> None:
        mail.outbox.clear()
        make.submit(work.cast.alice, roles=(f"read@{SHOP}.orders",))
        drain()
        body = mail.outbox[0].body

        assert set(sent()) == {"bob@example.com", "grace@example.com"}
        assert "Approve or deny it here." in body
        assert "> Refund totals are off for twelve orders." in body
        assert "https://access.example.com/approvals/" in body

    def test_tells_the_owner_of_a_service_what_was_asked_for_it_and_asks_somebody_else(self, work: Work) -> None:
        make.make_service()
        mail.outbox.clear()
        asked = make.submit(work.cast.alice, roles=(f"read@{SHOP}.orders",), grantee="ci-runner")
        drain()
        (told,) = [one.body for one in mail.outbox if one.to == ["bob@example.com"]]
        assert "You would hold it. It waits for 1 person of data-owners, which you cannot be" in told
        assert set(sent()) == {"grace@example.com", "bob@example.com"}
        access_requests.deny(
            access_request_id=asked.pk, approver=work.cast.grace, via=Via.API, revision=1, reason="Use the report."
        )
        drain()
        denied = {one.to[0]: one.subject for one in mail.outbox}
        assert set(denied) == {"alice@example.com", "bob@example.com"}
        assert "Alice Archer wants Continuous integration to read" in denied["bob@example.com"]

    def test_asks_those_too_who_answer_for_somebody_and_tells_both_of_it(self, work: Work) -> None:
        mail.outbox.clear()
        lent = delegations.delegate(
            giver=work.cast.grace, stand_in="frank", ends_at=make.now() + timedelta(days=7), via=Via.API
        )
        drain()
        assert sent() == {
            "grace@example.com": [f"{work.cast.frank.name} answers requests in your place"],
            "frank@example.com": [f"{work.cast.grace.name} lets you answer in their place"],
        }
        make.submit(work.cast.alice, roles=(f"read@{SHOP}.orders",))
        make.submit(work.cast.grace, roles=(f"read@{SHOP}.orders",))
        drain()
        told = sent()
        assert {address: len(subjects) for address, subjects in told.items()} == {
            "bob@example.com": 2,
            "grace@example.com": 1,
            "frank@example.com": 1,
        }, "nobody is asked for who would gain"
        delegations.end(delegation_id=lent.pk, person=work.cast.frank, via=Via.API)
        drain()
        assert set(sent()) == {"grace@example.com", "frank@example.com"}

    def test_asks_once_about_what_was_asked_together(self, work: Work) -> None:
        mail.outbox.clear()
        asks = [
            make.asked(roles=(f"read@{SHOP}.orders",)),
            make.asked(target="shop-staging", roles=("readWrite@shop",)),
        ]
        one, other = bundles.submit(requester=work.cast.alice, asked=asks, via=Via.API)
        drain()
        body = mail.outbox[0].body
        assert {address: len(subjects) for address, subjects in sent().items()} == {
            "bob@example.com": 1,
            "grace@example.com": 1,
        }
        assert f"https://access.example.com/approvals/{one.pk}/" in body
        assert "Asked with it: Alice Archer wants to change" in body
        assert f"https://access.example.com/approvals/{other.pk}/" in body

    def test_asks_those_whose_agreement_a_proposed_policy_waits_for(self, work: Work) -> None:
        agreement = {"approvals": [{"group": "security", "people": 1}, {"group": "data-owners", "people": 1}]}
        make.publish({"name": "guarded", "rules": [make.rule("prod")], "publishing": agreement})
        draft = policy_drafts.draft(
            text="", document={"name": "loose", "rules": [make.rule("prod", maximum="P7D")]}, actor=make.OPERATOR
        )
        mail.outbox.clear()
        policy_drafts.propose(draft_id=draft.pk, person=work.cast.erin, via=Via.WEB)
        drain()
        body = mail.outbox[0].body
        assert set(sent()) == {"bob@example.com", "carol@example.com", "grace@example.com"}
        assert "It needs 1 person of security and 1 person of data-owners to agree before it is published." in body
        assert f"https://access.example.com/policies/drafts/{draft.pk}/" in body

    def test_leaves_out_the_requester_who_could_decide_for_others(self, work: Work) -> None:
        mail.outbox.clear()
        make.submit(work.cast.bob, roles=(f"read@{SHOP}.orders",))
        drain()
        assert set(sent()) == {"grace@example.com"}

    def test_tells_the_requester_each_step_in_order_and_no_secret(self, work: Work) -> None:
        mail.outbox.clear()
        grant = work.active()
        password = work.reveal(grant).password
        grants.revoke(grant_id=grant.pk, person=work.cast.bob, via=Via.API, reason="The ticket is closed.")
        drain()
        everything = "\n".join(f"{one.subject}\n{one.body}" for one in mail.outbox)

        subjects = sent()["alice@example.com"]
        assert [subject.partition(":")[0] for subject in subjects] == ["Approved", "Live", "Ended"]
        assert password not in everything
        assert "mongodb://" not in everything
        assert "it is never sent" in everything
        assert "(The ticket is closed)" in everything

    def test_tells_what_was_said_with_a_yes(self, work: Work) -> None:
        mail.outbox.clear()
        asked = make.submit(work.cast.alice, roles=(READ_ORDERS,))
        access_requests.approve(
            access_request_id=asked.pk,
            approver=work.cast.bob,
            via=Via.API,
            revision=1,
            comment="Half an hour is plenty.",
        )
        drain()
        (told,) = [one.body for one in mail.outbox if one.subject.startswith("Approved")]
        assert "You are told when it is live. Bob Brandt says: Half an hour is plenty." in told

    def test_tells_of_a_denial_with_its_reason(self, work: Work) -> None:
        mail.outbox.clear()
        asked = make.submit(work.cast.alice, roles=(f"read@{SHOP}.orders",))
        access_requests.deny(
            access_request_id=asked.pk, approver=work.cast.grace, via=Via.API, revision=1, reason="Use the report."
        )
        drain()
        (denied,) = [one for one in mail.outbox if one.to == ["alice@example.com"]]
        assert denied.subject.startswith("Denied: ")
        assert "Use the report." in denied.body

    def test_says_that_no_access_was_created_when_none_was(self, work: Work) -> None:
        mail.outbox.clear()
        grant = work.approved()
        grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
        drain()
        assert sent()["alice@example.com"][-1].startswith("No access was created: ")

    def test_tells_that_an_access_could_not_be_set_up(self, work: Work) -> None:
        mail.outbox.clear()
        grant = work.approved()
        work.owner.admin.command("createUser", grant.username, pwd="theirs", roles=[])
        drain(most=20)
        work.owner.admin.command("dropUser", grant.username)
        due_now(Job.REVOKE, grant)
        drain()
        told = [subject.partition(":")[0] for subject in sent()["alice@example.com"]]
        assert told == ["Approved", "Not set up", "Ended"]

    def test_raises_the_alarm_when_an_access_does_not_end(self, work: Work, database_clock: DatabaseClock) -> None:
        grant = work.active()
        mail.outbox.clear()
        grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
        work.way.shut()
        carry(Job.REVOKE, grant)
        drain()
        assert not mail.outbox, "it may end by itself within seconds"

        database_clock.advance(timedelta(seconds=6))
        drain()

        assert {one.to[0] for one in mail.outbox} == {"bob@example.com", "grace@example.com", "erin@example.com"}
        for one in mail.outbox:
            assert one.subject.startswith("May still work: Alice Archer wants to read")
            assert "did not answer" in one.body
            assert f"end the user {grant.username} on shop-prod by hand" in one.body
            assert f"https://access.example.com/access/{grant.pk}/" in one.body

    def test_raises_no_alarm_when_it_ended_in_time(self, work: Work, database_clock: DatabaseClock) -> None:
        grant = work.active()
        grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
        work.way.shut()
        carry(Job.REVOKE, grant)
        work.way.open()
        targets.mark_reachable(slug="shop-prod")
        drain()
        mail.outbox.clear()

        database_clock.advance(timedelta(seconds=6))
        drain()

        assert fresh(grant).state == "revoked"
        assert not mail.outbox

    def test_tells_nobody_who_was_disabled(self, work: Work) -> None:
        mail.outbox.clear()
        work.cast.grace.is_active = False
        work.cast.grace.save()
        make.submit(work.cast.alice, roles=(f"read@{SHOP}.orders",))
        drain()
        assert set(sent()) == {"bob@example.com"}


class TestAnAddressThatIsRefused:
    def test_costs_nobody_else_theirs(self, work: Work, settings: Settings) -> None:
        settings.EMAIL_BACKEND = f"{__name__}.Choosy"
        make.submit(work.cast.alice, roles=(READ_ORDERS,))

        drain()

        assert set(sent()) == {"grace@example.com"}
        assert not OutboxMessage.objects.filter(job=Job.NOTIFY.value, done_at=None).exists()


class TestAMailServerThatIsAway:
    def test_delays_notices_and_nothing_else(self, work: Work, settings: Settings) -> None:
        settings.EMAIL_BACKEND = f"{__name__}.Refusing"
        grant = work.approved()

        drain()

        assert fresh(grant).state == "active"
        waiting = OutboxMessage.objects.filter(job=Job.NOTIFY.value, done_at=None)
        assert waiting.count() == 3
        tried = waiting.exclude(failures=0)
        assert {one.last_error for one in tried} == {
            "The mail server did not take the message (ConnectionRefusedError)."
        }

    def test_keeps_the_order_of_one_subject(self, work: Work, settings: Settings) -> None:
        mail.outbox.clear()
        backend = settings.EMAIL_BACKEND
        settings.EMAIL_BACKEND = f"{__name__}.Refusing"
        asked = make.submit(work.cast.alice, roles=(f"read@{SHOP}.orders",))
        drain()
        access_requests.cancel(access_request_id=asked.pk, requester=work.cast.alice, via=Via.API)
        settings.EMAIL_BACKEND = backend

        drain_lane(asked)

        subjects = sent()["bob@example.com"]
        assert len(subjects) == 2
        assert subjects[1].startswith("Taken back: ")


def drain_lane(subject: object) -> None:
    first = OutboxMessage.objects.filter(subject=str(subject), done_at=None).order_by("pk").first()
    assert first is not None
    assert first.pk < message(Job.NOTIFY, subject).pk
    OutboxMessage.objects.filter(pk=first.pk).update(ready_at=first.created_at - timedelta(seconds=1))
    drain()


def test_mail_never_waits_for_the_target(work: Work) -> None:
    mail.outbox.clear()
    work.owner.admin.command("updateUser", WORKER, roles=["clusterMonitor"])
    try:
        work.approved()
        drain()
    finally:
        work.owner.admin.command("updateUser", WORKER, roles=["root"])
    assert "alice@example.com" in sent()
