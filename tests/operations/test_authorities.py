"""Guards the watch over our certificate authorities: who hears of an end that nears, when first, and how often."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.models import AuditEvent, OutboxMessage
from accessrequests.operations import targets
from accessrequests.queries import authorities
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.web.browser import signed_in, text_of

SLUG = "ecommerce-prod"


@pytest.fixture(autouse=True)
def target(cast: Cast) -> None:
    make.make_atlas(authentication=("scram", "x509"))
    OutboxMessage.objects.all().delete()


def warnings() -> int:
    return AuditEvent.objects.filter(event="target.authority_ending").count()


def test_warns_thirty_days_before_and_then_once_a_day(clock: MovableClock) -> None:
    ends_at = make.now() + timedelta(days=31)
    assert not targets.watch_authority(slug=SLUG, ends_at=ends_at)
    assert authorities.last_warning(SLUG) is None

    clock.advance(timedelta(days=1, seconds=1))
    assert targets.watch_authority(slug=SLUG, ends_at=ends_at)
    assert not targets.watch_authority(slug=SLUG, ends_at=ends_at)
    clock.advance(timedelta(hours=23, minutes=59))
    assert not targets.watch_authority(slug=SLUG, ends_at=ends_at)
    clock.advance(timedelta(minutes=1))
    assert targets.watch_authority(slug=SLUG, ends_at=ends_at)
    clock.advance(timedelta(days=40))
    assert targets.watch_authority(slug=SLUG, ends_at=ends_at), "past its end it is still missing"

    assert warnings() == 3
    last = authorities.last_warning(SLUG)
    assert last is not None
    assert last.ends_at == ends_at
    told = OutboxMessage.objects.filter(job="notify", event="target.authority_ending", subject=f"target/{SLUG}")
    assert told.count() == 3


def test_of_a_target_that_offers_no_certificates_nobody_hears() -> None:
    make.apply_atlas(SLUG, authentication=("scram",))

    assert not targets.watch_authority(slug=SLUG, ends_at=make.now())
    assert warnings() == 0


def test_health_names_the_target_and_the_end(cast: Cast) -> None:
    browser = signed_in(cast.erin)
    assert "certificate authority" not in text_of(browser.get("/health/"))

    targets.watch_authority(slug=SLUG, ends_at=make.now() + timedelta(days=10))

    page = text_of(browser.get("/health/"))
    assert page.count("Our certificate authority for the target is good only until") == 1
    assert f"{SLUG}: Our certificate authority" in page


def test_health_names_a_target_that_offers_what_cannot_be_given(cast: Cast, clock: MovableClock) -> None:
    why = {"x509": "The workers have no authority.", "ldap": "Nobody offers this."}
    assert targets.watch_methods(slug=SLUG, missing=why)
    assert not targets.watch_methods(slug=SLUG, missing=why), "once a day is enough"

    page = text_of(signed_in(cast.erin).get("/health/"))
    assert f"{SLUG}: The target offers a way to sign in that cannot be given there now" in page
    assert "The workers have no authority" in page
    assert "Nobody offers this" not in page
    assert AuditEvent.objects.get(event="target.method_missing").facts["methods"] == ["x509"]

    clock.advance(timedelta(days=1))
    assert targets.watch_methods(slug=SLUG, missing=why)
    assert not targets.watch_methods(slug=SLUG, missing={})
