"""Guards approvals for which a rule wants a second factor: given just now, in the portal, by whoever approves."""

from __future__ import annotations

import time

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY

from accessrequests.models import AccessRequest, Approval, Grant
from tests import glass, make
from tests.api.caller import Caller
from tests.make import Cast
from tests.web.browser import Browser, signed_in, text_of


@pytest.fixture
def asked(cast: Cast) -> AccessRequest:
    make.publish_rules(make.rule("guarded", step_up=True))
    return make.submit(cast.alice)


def press(browser: Browser, asked: AccessRequest) -> tuple[int, str]:
    answer = browser.press(f"/approvals/{asked.pk}/", action=f"/approvals/{asked.pk}/approve/")
    return answer.status_code, answer["Location"]


def test_without_one_nothing_is_decided_and_the_way_to_it_is_shown(cast: Cast, asked: AccessRequest) -> None:
    bob = signed_in(cast.bob)

    assert press(bob, asked) == (303, "/account/")
    assert "you have none. Nothing was decided." in text_of(bob.get("/account/"))
    glass.add_second_factor(cast.bob)
    assert press(bob, asked) == (303, f"/accounts/code/confirm/?next=%2Fapprovals%2F{asked.pk}%2F")
    assert not Approval.objects.exists()


@pytest.mark.parametrize(("minutes_ago", "approved"), [(0, True), (6, False)])
def test_one_that_was_given_just_now_counts(
    cast: Cast, asked: AccessRequest, minutes_ago: float, approved: bool
) -> None:
    glass.add_second_factor(cast.bob)
    bob = signed_in(cast.bob)
    session = bob.client.session
    given = {"method": "mfa", "type": "totp", "at": time.time() - minutes_ago * 60}
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [*session[AUTHENTICATION_METHODS_SESSION_KEY], given]
    session.save()

    press(bob, asked)

    assert Grant.objects.exists() is approved


def test_a_token_is_no_second_factor(cast: Cast, asked: AccessRequest) -> None:
    answer = Caller(cast.bob).post(f"access-requests/{asked.pk}/approve/", {"revision": 1})

    assert (answer.status_code, answer.json()["code"]) == (403, "refused")
    assert "approved in the portal" in answer.json()["detail"]
    assert not Approval.objects.exists()
