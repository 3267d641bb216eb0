"""Guards that what Slack says about the end of an access stays true when the end moves, or comes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.domain.block_kit import date
from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Extension, Grant, SlackMessage
from accessrequests.operations import extensions, grants
from tests import make
from tests.make import Cast
from tests.slack.test_sending import carry, labels, words
from tests.slack.workspace import WebApi, link


@pytest.fixture
def cast(committed_cast: Cast) -> Cast:
    """Workers close connections, so that nothing may be left uncommitted."""
    return committed_cast


def nearly_over(grant: Grant) -> None:
    """Its end comes near, and its holder is warned."""
    grant.refresh_from_db()
    assert grant.starts_at is not None
    assert grant.expires_at is not None
    by = grant.expires_at - make.now() - timedelta(minutes=5)
    Grant.objects.filter(pk=grant.pk).update(starts_at=grant.starts_at - by, expires_at=grant.expires_at - by)
    assert extensions.warn(grant_id=grant.pk)


def extended(grant: Grant, cast: Cast, *, by: timedelta) -> Extension:
    """As its holder asks, a data owner approves and the target confirms."""
    extensions.ask(grant_id=grant.pk, holder=cast.alice, via=Via.API, duration=by, reason="Two are left to look at.")
    make.approve(AccessRequest.objects.get(extends=grant), cast.bob)
    extension = Extension.objects.get(grant=grant)
    assert extensions.mark_extended(extension_id=extension.pk)
    return extension


def test_a_warning_loses_its_buttons_and_the_card_says_how_long_it_lasts_in_all(cast: Cast, web_api: WebApi) -> None:
    link(cast.alice)
    make.publish_rules(make.rule("production", total_maximum="PT8H"))
    grant = make.active_grant(cast.alice, cast.bob)
    nearly_over(grant)
    carry()
    (warned,) = [call for call in web_api.of("chat.postMessage") if call["text"].startswith("Ends soon:")]
    assert labels(warned) == ["Extend…", "End now", "Open the access"]
    notice = SlackMessage.objects.filter(kind="notice").latest("pk")

    extension = extended(grant, cast, by=timedelta(hours=1))
    carry()
    (updated,) = [call for call in web_api.of("chat.update") if call["ts"] == notice.ts]
    assert labels(updated) == ["Open the access"]
    assert f"Live until {date(extension.ends_at)}." in words(updated)
    assert "extend it now" not in words(updated)
    (news,) = [call for call in web_api.of("chat.postMessage") if call["text"].startswith("Extended:")]
    assert " for 3 hours. " in news["text"]
    assert any("2 hours, extended to 3 hours" in words(call) for call in web_api.of("chat.update"))


def test_a_warning_loses_its_buttons_when_the_access_ends(cast: Cast, web_api: WebApi) -> None:
    link(cast.alice)
    grant = make.active_grant(cast.alice, cast.bob)
    nearly_over(grant)
    carry()
    notice = SlackMessage.objects.filter(kind="notice").latest("pk")
    grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.WEB)
    carry()
    (updated,) = [call for call in web_api.of("chat.update") if call["ts"] == notice.ts]
    assert labels(updated) == ["Open the access"]
    assert "Ending: Alice Archer gave it back." in words(updated)
