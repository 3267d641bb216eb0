"""Guards the mail about a certificate authority that nears its end: to administrators, and to nobody else."""

from __future__ import annotations

from datetime import timedelta

from django.core import mail
from pytest_django import Settings

from accessrequests.domain.events import Job
from accessrequests.models import AuditEvent, OutboxMessage
from accessrequests.operations import targets
from tests import make
from tests.make import Cast
from tests.workers.rows import carry

SLUG = "ecommerce-prod"
SUBJECT = f"target/{SLUG}"


def test_tells_every_administrator(committed_cast: Cast, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    make.make_atlas(authentication=("x509",))
    OutboxMessage.objects.all().delete()
    targets.watch_authority(slug=SLUG, ends_at=make.now() + timedelta(days=10))
    mail.outbox.clear()

    carry(Job.NOTIFY, SUBJECT)

    (one,) = mail.outbox
    assert one.to == [committed_cast.erin.email]
    assert f"The certificate authority for {SLUG} is good only until" in one.subject
    assert "manage.py x509 init" in one.body
    assert f"https://access.example.com/targets/{SLUG}/" in one.body
    assert AuditEvent.objects.filter(event="target.authority_ending").count() == 1
