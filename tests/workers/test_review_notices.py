"""Guards the mails of an access review: who is told how much, whom a task is handed to, and when the relay reminds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from pytest_django import Settings

from accessrequests.domain.access_reviews import ReviewAnswer
from accessrequests.domain.events import Job
from accessrequests.models import AuditEvent, OutboxMessage, ReviewCampaign
from accessrequests.queries import work
from tests import make
from tests.make import Cast
from tests.reviews import ERRANDS, answer, item_of, stand_there, start
from tests.workers.rows import carry
from workers.expiry import Deadlines


@pytest.fixture
def campaign(committed_cast: Cast, settings: Settings) -> ReviewCampaign:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    make.active_grant(committed_cast.bob, committed_cast.grace)
    stand_there()
    OutboxMessage.objects.all().delete()
    mail.outbox.clear()
    return start(committed_cast.erin)


def told() -> dict[str, str]:
    """The subject of each mail by who got it."""
    found = {one.to[0].partition("@")[0]: str(one.subject) for one in mail.outbox}
    mail.outbox.clear()
    return found


def test_everybody_hears_how_much_waits_for_them(campaign: ReviewCampaign, committed_cast: Cast) -> None:
    carry(Job.NOTIFY, str(campaign))
    assert told() == {
        "bob": "To review: 1 access waits for you in the access review Autumn",
        "grace": "To review: 2 accesses wait for you in the access review Autumn",
    }


def be_due() -> None:
    """As if it were time for a reminder."""
    ReviewCampaign.objects.update(remind_at=make.now() - timedelta(seconds=1))


def test_the_relay_reminds_reviewers_and_then_those_who_sign_it_off(
    campaign: ReviewCampaign, committed_cast: Cast
) -> None:
    carry(Job.NOTIFY, str(campaign))
    mail.outbox.clear()
    deadlines = Deadlines()
    deadlines.remind_who_reviews(make.now())
    assert work.reviews_to_remind(make.now(), limit=9) == []

    be_due()
    deadlines.remind_who_reviews(make.now())
    deadlines.remind_who_reviews(make.now())
    assert AuditEvent.objects.filter(event="access_review.reminded").count() == 1
    carry(Job.NOTIFY, str(campaign))
    assert set(told()) == {"bob", "grace"}

    answer(committed_cast.grace, *campaign.items.all())
    be_due()
    deadlines.remind_who_reviews(make.now())
    carry(Job.NOTIFY, str(campaign))
    assert told() == {"erin": "The access review Autumn waits to be signed off"}


def test_what_is_not_ours_is_handed_to_those_who_own_the_target(campaign: ReviewCampaign, committed_cast: Cast) -> None:
    carry(Job.NOTIFY, str(campaign))
    mail.outbox.clear()
    answer(committed_cast.grace, item_of(campaign, ERRANDS), say=ReviewAnswer.END, reason="Nobody knows it.")
    carry(Job.NOTIFY, str(campaign))

    assert "> Nobody knows it." in mail.outbox[0].body
    subject = "Task of an access review: End 1 login on shop-prod"
    assert told() == {"bob": subject, "grace": subject}
