"""Guards the page of one request: who sees it, what it says in each state, and taking it back."""

from __future__ import annotations

import re

import pytest
from django.http import HttpResponse

from accessrequests.models import AccessRequest, AuditEvent, Grant
from tests import make
from tests.make import Cast
from tests.web.browser import heading_of, signed_in, text_of


def address(access_request: AccessRequest, verb: str = "") -> str:
    return f"/requests/{access_request.pk}/{verb}"


def plain(answer: HttpResponse) -> str:
    """A page without what is new each time."""
    return re.sub(r'(name="csrfmiddlewaretoken" value=)"[^"]*"', r"\1", text_of(answer))


class TestDetail:
    def test_says_what_is_asked_who_decides_and_what_happened(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)

        answer = signed_in(cast.alice).get(address(access_request))

        page = text_of(answer)
        assert heading_of(answer) == "Alice Archer wants to read shop.orders on shop-prod for 2 hours"
        assert "It waits for 1 person of data-owners and lapses at" in page
        assert "1 person of data-owners: bob or grace can approve." in page
        assert "2 hours is within the limit of 8 hours" in page
        assert "sandbox, version 1" in page
        assert "The rule that holds: production-read." in page
        assert page.count("Read documents in shop.orders.") == 1
        assert "1 of 4 collections" in page
        assert "about 10 documents: shop.orders" in page
        assert "alice asked to read shop.orders" in page

    def test_leads_to_the_grant(self, cast: Cast) -> None:
        access_request = make.approve(make.submit(cast.alice), cast.bob)

        page = text_of(signed_in(cast.alice).get(address(access_request)))

        assert f'href="/access/{Grant.objects.get().pk}/"' in page
        assert "1 person of data-owners: bob approved" in page

    @pytest.mark.parametrize("name", ["bob", "dave", "erin", "grace"])
    def test_is_seen_by_those_who_decide_or_audit(self, cast: Cast, name: str) -> None:
        access_request = make.submit(cast.alice)

        assert signed_in(getattr(cast, name)).get(address(access_request)).status_code == 200

    @pytest.mark.parametrize("name", ["carol", "frank", "mallory"])
    def test_is_not_there_for_others(self, cast: Cast, name: str) -> None:
        access_request = make.submit(cast.alice)
        browser = signed_in(getattr(cast, name))

        theirs, nothing = browser.get(address(access_request)), browser.get("/requests/999999/")

        assert (theirs.status_code, nothing.status_code) == (404, 404)
        assert plain(theirs).replace(address(access_request), "") == plain(nothing).replace("/requests/999999/", "")

    def test_numbers_beyond_any_row_are_not_there(self, cast: Cast) -> None:
        assert signed_in(cast.alice).get(f"/requests/{10**30}/").status_code == 404


class TestCancel:
    def test_takes_ones_own_back(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)

        answer = signed_in(cast.alice).press(address(access_request), action=address(access_request, "cancel/"))

        access_request.refresh_from_db()
        assert (answer.status_code, access_request.state) == (303, "cancelled")
        event = AuditEvent.objects.get(event="access_request.cancelled")
        assert (event.actor, event.via) == ("alice", "web")

    def test_is_not_for_others(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        browser = signed_in(cast.bob)

        assert "cancel/" not in text_of(browser.get(address(access_request)))
        answer = browser.post(address(access_request, "cancel/"))

        access_request.refresh_from_db()
        assert (answer.status_code, access_request.state) == (403, "pending")

    def test_says_who_was_faster(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        make.approve(access_request, cast.bob)

        answer = signed_in(cast.alice).post(address(access_request, "cancel/"))

        assert (answer.status_code, heading_of(answer)) == (409, "Somebody was faster")
        assert "bob was faster" in text_of(answer)
