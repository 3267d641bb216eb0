"""Guards the mails of a linked account of Slack: its person alone hears that it acts as them, and who undid it."""

from __future__ import annotations

from django.core import mail
from pytest_django import Settings

from accessrequests.domain.events import Job
from accessrequests.models import OutboxMessage
from accessrequests.operations import slack_identities
from accessrequests.operations.slack_identities import Account
from tests.make import Cast
from tests.workers.rows import carry


def test_its_person_is_told_of_both(committed_cast: Cast, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    address = slack_identities.address_for(account=Account("", "T0ACME", "U0BOB", "bobby\nBcc: all"))
    held = slack_identities.link(person=committed_cast.bob, address=address)
    carry(Job.NOTIFY, "person/bob")
    OutboxMessage.objects.all().delete()
    slack_identities.unlink(identity_id=held.pk, by=committed_cast.erin)
    carry(Job.NOTIFY, "person/bob")
    linked, unlinked = mail.outbox
    assert linked.to == unlinked.to == ["bob@example.com"]
    assert linked.subject == "The Slack account bobby Bcc: all acts as you now"
    assert "If it was not you who linked it, unlink it now" in linked.body
    assert "erin unlinked it." in unlinked.body
