"""Guards the page that breaks the glass and the page of a use: who is offered what, one press to end, and the review."""

from __future__ import annotations

import time
from typing import Any

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from pytest_django import Settings

from accessrequests.models import AccessRequest, AuditEvent, BreakGlass, Grant, Person
from tests import glass, make
from tests.make import Cast
from tests.web.browser import Browser, heading_of, signed_in, text_of

TYPED: dict[str, Any] = {
    "incident": "INC-884",
    "role": ["readWrite@shop"],
    "reason": glass.REASON,
    "confirm_target": "shop-prod",
}
PAGE = "/break-glass/?target=shop-prod"


@pytest.fixture
def seed(cast: Cast) -> str:
    return glass.add_second_factor(cast.frank)


def press(browser: Browser, **typed: Any) -> Any:
    return browser.press(PAGE, action="/break-glass/", **{**TYPED, **typed})


def with_fresh_factor(person: Person, *, minutes_ago: float = 0) -> Browser:
    """A browser whose session gave a second factor so many minutes ago."""
    browser = signed_in(person)
    session = browser.client.session
    given = {"method": "mfa", "type": "totp", "at": time.time() - minutes_ago * 60}
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [*session[AUTHENTICATION_METHODS_SESSION_KEY], given]
    session.save()
    return browser


class TestPage:
    @pytest.mark.parametrize(
        ("is_in_slack", "ways"), [(False, "by mail and every"), (True, "by mail, in Slack and every")]
    )
    def test_says_who_will_hear_of_it_before_anything_is_done(
        self, cast: Cast, seed: str, settings: Settings, is_in_slack: bool, ways: str
    ) -> None:
        settings.ACCESS_SLACK = is_in_slack
        page = text_of(signed_in(cast.frank).get("/break-glass/"))

        assert f"data-owners (Bob Brandt, Grace Gupta) are told, {ways} webhook" in page
        assert "security (Carol Castillo) is told" in page
        assert '"PT1H"' in page
        assert "userAdmin@shop" not in page
        assert "PT8H" not in page

    def test_offers_nothing_to_whom_the_policy_does_not_name(self, cast: Cast) -> None:
        page = text_of(signed_in(cast.alice).get("/break-glass/"))

        assert "There is no glass for you to break" in page
        assert '<form id="break"' not in page

    def test_sends_whoever_has_no_second_factor_to_get_one(self, cast: Cast) -> None:
        browser = signed_in(cast.frank)
        assert "without one nothing is given" in text_of(browser.get(PAGE))
        answer = browser.post("/break-glass/", target="shop-prod", duration="PT1H", **TYPED)
        assert answer.status_code == 422
        assert not BreakGlass.objects.exists()


class TestBreak:
    def test_gives_at_once_and_leads_to_the_page_of_it(self, cast: Cast, seed: str) -> None:
        browser = signed_in(cast.frank)

        answer = press(browser, second_factor=glass.code_of(seed))

        access_request = AccessRequest.objects.get()
        assert (answer.status_code, answer["Location"]) == (303, f"/break-glass/{access_request.pk}/")
        assert BreakGlass.objects.get().proved_by == "an authenticator app"
        page = text_of(browser.get(answer["Location"]))
        assert "Nobody has approved it." in page
        assert "Open your access" in page
        for address in (f"/requests/{access_request.pk}/", f"/access/{access_request.grant.pk}/", "/access/"):
            assert "break-glass</span>" in text_of(browser.get(address)), address

    def test_takes_the_factor_that_the_session_gave_just_now(self, cast: Cast, seed: str) -> None:
        assert press(with_fresh_factor(cast.frank, minutes_ago=6), second_factor="").status_code == 422
        assert press(with_fresh_factor(cast.frank, minutes_ago=4), second_factor="").status_code == 303

    def test_pressed_twice_breaks_one(self, cast: Cast, seed: str) -> None:
        browser, code = signed_in(cast.frank), glass.code_of(seed)
        first = press(browser, second_factor=code, once="the-same")

        second = press(browser, second_factor=code, once="the-same")

        assert (second.status_code, second["Location"]) == (303, first["Location"])
        assert Grant.objects.count() == 1

    @pytest.mark.parametrize(
        ("typed", "status", "said"),
        [
            ({"second_factor": "000000"}, 403, "This code is not right"),
            ({"second_factor": ""}, 422, "Type the code that your app shows now"),
            ({"reason": ""}, 422, "Say what is happening"),
            ({"reason": "Too short to say."}, 403, "at least 20 characters"),
            ({"incident": ""}, 422, "Name the incident"),
            ({"confirm_target": "shop-dev"}, 422, "Type the name of the target as it is: shop-prod."),
            ({"role": []}, 422, "Choose at least one role."),
            ({"role": ["userAdmin@shop"]}, 403, "Nothing was given"),
        ],
    )
    def test_refuses_with_what_was_typed_kept_and_nothing_made(
        self, cast: Cast, seed: str, typed: dict[str, Any], status: int, said: str
    ) -> None:
        answer = press(signed_in(cast.frank), **{"second_factor": glass.code_of(seed), **typed})

        assert answer.status_code == status
        assert said in text_of(answer)
        assert "INC-884" in text_of(answer) or not typed.get("incident", "x")
        assert not AccessRequest.objects.exists()

    def test_keeps_a_refusal_and_refuses_whoever_posts_without_being_named(self, cast: Cast, seed: str) -> None:
        press(signed_in(cast.frank), second_factor="000000")
        assert AuditEvent.objects.filter(event="breakglass.refused", actor="frank").count() == 1

        answer = signed_in(cast.alice).post("/break-glass/", target="shop-prod", **TYPED)

        assert answer.status_code == 403

    def test_waits_for_a_second_person_where_one_is_needed(self, cast: Cast, seed: str) -> None:
        glass.ended(glass.broken(cast.frank))
        browser = signed_in(cast.frank)

        answer = press(browser, second_factor=glass.code_of(seed))

        assert "It waits for a second person." in text_of(browser.get(answer["Location"]))
        inbox = text_of(signed_in(cast.carol).get("/approvals/"))
        assert "wants to break the glass to change shop on shop-prod" in inbox


class TestOne:
    @pytest.mark.parametrize("name", ["bob", "grace", "carol", "erin", "frank"])
    def test_is_ended_with_one_press_by_everybody_who_is_told(self, cast: Cast, name: str) -> None:
        address = f"/break-glass/{glass.broken(cast.frank).pk}/"
        browser = signed_in(getattr(cast, name))

        answer = browser.press(address, action=f"{address}end/")

        assert (answer.status_code, answer["Location"]) == (303, address)
        assert Grant.objects.get().state == "revoking"

    @pytest.mark.parametrize(("name", "status"), [("alice", 404), ("mallory", 404), ("dave", 403)])
    def test_is_not_for_others(self, cast: Cast, name: str, status: int) -> None:
        address = f"/break-glass/{glass.broken(cast.frank).pk}/"
        browser = signed_in(getattr(cast, name))

        assert browser.get(address).status_code == (200 if name == "dave" else 404)
        assert browser.post(f"{address}end/").status_code == status
        assert Grant.objects.get().state == "pending"

    def test_shows_the_evidence_and_takes_the_review_of_somebody_else(self, cast: Cast) -> None:
        access_request = glass.broken(cast.frank, is_drill=True)
        glass.ended(access_request)
        address = f"/break-glass/{access_request.pk}/"
        carol = signed_in(cast.carol)
        page = text_of(carol.get(address))
        for part in ("INC-884", "Confirmed gone", "keeps no history of logins", "Keep the review", "drill</span>"):
            assert part in page
        assert "Waiting for a review" in text_of(carol.get("/break-glass/"))
        assert "Keep the review" not in text_of(signed_in(cast.frank).get(address))
        assert carol.press(address, action=f"{address}review/", note="").status_code == 422

        answer = carol.press(address, action=f"{address}review/", finding="drill", note="It worked as it should.")

        assert answer.status_code == 303
        page = text_of(signed_in(cast.frank).get(address))
        assert "Reviewed: a drill" in page
        assert "It worked as it should." in page

    def test_says_that_it_is_being_set_up_while_it_is(self, cast: Cast) -> None:
        page = text_of(signed_in(cast.carol).get(f"/break-glass/{glass.broken(cast.frank).pk}/"))

        assert "It is not live yet: it is being set up." in page
        assert "It is being set up.</p>" in page
        assert "never live" not in page
        assert "Nothing is open yet" not in page

    def test_that_is_no_break_glass_is_not_there(self, cast: Cast) -> None:
        number = make.submit(cast.alice).pk
        assert signed_in(cast.alice).get(f"/break-glass/{number}/").status_code == 404

    def test_is_titled_by_who_did_what(self, cast: Cast) -> None:
        address = f"/break-glass/{glass.broken(cast.frank).pk}/"
        assert heading_of(signed_in(cast.bob).get(address)) == "Frank Fischer: Change shop on shop-prod"
