"""Guards more time in the portal: offered to the holder alone, as far as the policy goes, and said in words when it is not."""

from __future__ import annotations

import html
from datetime import timedelta
from typing import Any

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Extension, Grant
from accessrequests.operations import extensions
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.web.browser import Browser, heading_of, signed_in, text_of
from tests.web.grants import live

WHY = "The batch is larger than we thought."


def page_of(browser: Browser, grant: Grant) -> str:
    return html.unescape(" ".join(text_of(browser.get(f"/access/{grant.pk}/")).split()))


def press(browser: Browser, grant: Grant, **typed: Any) -> Any:
    page = f"/access/{grant.pk}/"
    return browser.press(page, action=f"{page}extend/", **{"reason": WHY, **typed})


def automatic(cast: Cast) -> Grant:
    return make.activated(Grant.objects.get(access_request=make.submit(cast.alice, target="shop-dev")))


def test_is_asked_for_with_what_the_policy_leaves_and_waits_for_those_who_must_approve(cast: Cast) -> None:
    grant, browser = live(cast.alice, cast.bob), signed_in(cast.alice)
    page = page_of(browser, grant)
    assert "1 person of data-owners must approve." in page
    assert [f'value="{length}"' in page for length in ("PT30M", "PT4H", "PT6H", "PT8H")] == [True, True, True, False]

    answer = press(browser, grant, duration="PT1H")

    request = AccessRequest.objects.get(extends=grant)
    assert (answer.status_code, answer["Location"]) == (303, f"/access/{grant.pk}/#extend")
    assert (request.duration, request.reason) == (timedelta(hours=1), WHY)
    assert "You asked for 1 h more. It waits for an answer until" in page_of(browser, grant)
    asked = html.unescape(text_of(signed_in(cast.bob).get(f"/approvals/{request.pk}/")))
    assert f"{cast.alice.name} wants to read shop.orders on shop-prod for 1 hour more" in asked
    assert "1 hour more" in text_of(signed_in(cast.bob).get("/approvals/"))

    bob = signed_in(cast.bob)
    bob.press(f"/approvals/{request.pk}/", action=f"/approvals/{request.pk}/approve/")
    told = text_of(bob.get(f"/approvals/{request.pk}/"))
    assert "The new end counts once shop-prod has it; until then the access is live and ends as before." in told
    assert "The access is being set up." not in told


def test_is_on_its_way_until_the_target_has_it(cast: Cast) -> None:
    grant, browser = automatic(cast), signed_in(cast.alice)
    assert "Nobody needs to approve. The new end counts once shop-dev has it." in page_of(browser, grant)

    press(browser, grant, duration="PT2H")

    page = page_of(browser, grant)
    assert "is on its way to shop-dev. Until the target has it, the access ends at" in page
    assert "?was=active-ready-moving" in page
    was = browser.get(f"/access/{grant.pk}/?was=active-ready-moving", headers={"HX-Request": "true"})
    assert "HX-Refresh" not in was
    assert extensions.mark_extended(extension_id=Extension.objects.get().pk)
    now = browser.get(f"/access/{grant.pk}/?was=active-ready-moving", headers={"HX-Request": "true"})
    assert now["HX-Refresh"] == "true"
    assert "The access was extended for 2 hours: the target has the new end" in page_of(browser, grant)
    request = AccessRequest.objects.get(extends=grant)
    assert f"Open grant {grant.pk}" in text_of(browser.get(f"/requests/{request.pk}/"))
    first = text_of(browser.get(f"/requests/{grant.access_request_id}/"))
    assert "on shop-dev for 4 hours" in first
    assert "extended to 4 h" in first


def test_a_target_that_refused_is_told_of(cast: Cast) -> None:
    grant, browser = automatic(cast), signed_in(cast.alice)
    press(browser, grant, duration="PT2H")
    extensions.give_up(extension_id=Extension.objects.get().pk, why="The user is no longer on the target.")

    page = page_of(browser, grant)

    assert "It could not be extended the last time: The user is no longer on the target." in page
    assert f'action="/access/{grant.pk}/extend/"' in page


def test_where_nothing_can_be_added_it_says_why(cast: Cast, clock: MovableClock) -> None:
    grant, browser = live(cast.alice, cast.bob), signed_in(cast.alice)
    make.publish_rules(make.rule("tighter", maximum="PT2H"))

    page = page_of(browser, grant)
    assert "It cannot be extended. From its start to its final end an access may last 2 hours" in page
    assert f'action="/access/{grant.pk}/extend/"' not in page
    assert browser.post(f"/access/{grant.pk}/extend/", duration="PT1H", reason=WHY).status_code == 422
    clock.advance(timedelta(hours=1, minutes=59, seconds=30))
    assert "Less than a minute of it is left" in page_of(browser, grant)
    assert not AccessRequest.objects.filter(extends=grant).exists()


def test_a_form_that_is_wrong_comes_back_as_it_was_typed(cast: Cast) -> None:
    grant, browser = automatic(cast), signed_in(cast.alice)

    nothing, short = press(browser, grant, reason=""), press(browser, grant, reason="short")

    assert (nothing.status_code, short.status_code) == (422, 422)
    assert "Say why you need it for longer." in html.unescape(text_of(nothing))
    assert "needs a reason of at least" in html.unescape(text_of(short))
    assert 'value="short"' in text_of(short)


def test_is_for_the_holder_alone(cast: Cast) -> None:
    grant = live(cast.alice, cast.bob)

    assert "More time" not in page_of(signed_in(cast.bob), grant)
    answer = signed_in(cast.bob).post(f"/access/{grant.pk}/extend/", duration="PT1H", reason=WHY)
    assert (answer.status_code, heading_of(answer) != "") == (403, True)


def test_a_certificate_that_ends_first_is_told_of_and_a_new_one_made(cast: Cast) -> None:
    grant = make.activated(make.granted_by_certificate(cast.alice, cast.bob), certificate="canary")
    browser = signed_in(cast.alice)
    assert "The certificate that you have keeps its end; afterwards a new one can be made here." in page_of(
        browser, grant
    )
    extensions.ask(grant_id=grant.pk, holder=cast.alice, via=Via.WEB, duration=timedelta(hours=1), reason=WHY)
    make.approve(AccessRequest.objects.get(extends=grant), cast.bob)
    assert "Your certificate ends before the access does" not in page_of(browser, grant)
    extensions.mark_extended(extension_id=Extension.objects.get().pk)

    assert "Your certificate ends before the access does" in page_of(browser, grant)
    browser.press(f"/access/{grant.pk}/", action=f"/access/{grant.pk}/rotate/")

    assert "A new certificate is being made." in page_of(browser, grant)
