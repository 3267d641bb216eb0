"""Guards deciding in the portal: the right people, the right revision, and honest words to the others."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.models import AccessRequest, Approval, AuditEvent, Grant
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.web.browser import heading_of, signed_in, text_of


def address(access_request: AccessRequest, verb: str = "") -> str:
    return f"/approvals/{access_request.pk}/{verb}"


class TestInbox:
    def test_shows_who_wants_what_and_when_it_lapses(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice, ticket="INC-7")

        page = text_of(signed_in(cast.bob).get("/approvals/"))

        assert "Alice Archer wants to read shop.orders on shop-prod for 2 hours" in page
        assert "Refund totals are off" in page
        assert "7 h 59 min left" in page
        assert "INC-7" in page
        assert f'href="{address(access_request)}"' in page

    def test_is_empty_for_others_and_says_so(self, cast: Cast) -> None:
        make.submit(cast.alice)

        for person in (cast.alice, cast.carol, cast.dave, cast.mallory):
            assert "Nothing waits for you" in text_of(signed_in(person).get("/approvals/"))

    def test_forgets_what_is_decided(self, cast: Cast) -> None:
        make.approve(make.submit(cast.alice), cast.grace)

        assert "Nothing waits for you" in text_of(signed_in(cast.bob).get("/approvals/"))


class TestApprove:
    def test_makes_the_grant(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        browser = signed_in(cast.bob)

        answer = browser.press(address(access_request), action=address(access_request, "approve/"), comment="Go on.")

        approval = Approval.objects.get()
        event = AuditEvent.objects.get(event="access_request.approval_given")
        assert (answer.status_code, answer["Location"]) == (303, address(access_request))
        assert (approval.person, approval.comment, approval.group) == (cast.bob, "Go on.", "data-owners")
        assert (event.actor, event.via) == ("bob", "web")
        assert Grant.objects.get().access_request == access_request
        assert "You approved it. The access is being set up." in text_of(browser.get(answer["Location"]))

    def test_takes_exactly_the_fields_of_the_contract(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)

        answer = signed_in(cast.bob).post(address(access_request, "approve/"), revision="1")

        assert answer.status_code == 303
        assert Grant.objects.count() == 1

    def test_can_shorten(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)

        signed_in(cast.bob).press(address(access_request), action=address(access_request, "approve/"), duration="PT30M")

        assert Grant.objects.get().length == timedelta(minutes=30)

    @pytest.mark.parametrize("duration", ["PT3H", "half an hour", "PT0S"])
    def test_cannot_lengthen_or_guess(self, cast: Cast, duration: str) -> None:
        access_request = make.submit(cast.alice)

        answer = signed_in(cast.bob).press(
            address(access_request), action=address(access_request, "approve/"), duration=duration, comment="Go on."
        )

        assert answer.status_code == 422
        assert "Something needs to be put right" in text_of(answer)
        assert 'value="Go on."' in text_of(answer)
        assert not Approval.objects.exists()

    def test_waits_for_the_other_group(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice, roles=("readWrite@shop",))
        browser = signed_in(cast.bob)

        answer = browser.press(address(access_request), action=address(access_request, "approve/"))

        page = text_of(browser.get(answer["Location"]))
        assert "It still waits for others." in page
        assert "You have approved this request. It waits for somebody else." in page
        assert not Grant.objects.exists()
        again = browser.post(address(access_request, "approve/"), revision="1")
        assert (again.status_code, heading_of(again)) == (409, "You did this already")

    def test_says_who_was_faster(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        browser = signed_in(cast.bob)
        make.approve(access_request, cast.grace)

        answer = browser.post(address(access_request, "approve/"), revision="1")

        assert (answer.status_code, heading_of(answer)) == (409, "Somebody was faster")
        assert "grace was faster: the request is approved already." in text_of(answer)
        assert Approval.objects.count() == 1

    def test_says_that_it_was_edited(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        AccessRequest.objects.update(revision=2)

        answer = signed_in(cast.bob).post(address(access_request, "approve/"), revision="1")

        assert (answer.status_code, heading_of(answer)) == (409, "It was edited while you were reading")
        assert "Read revision 2" in text_of(answer)
        assert not Approval.objects.exists()

    def test_says_that_it_has_lapsed(self, cast: Cast, clock: MovableClock) -> None:
        access_request = make.submit(cast.alice)
        clock.advance(timedelta(hours=9))

        answer = signed_in(cast.bob).post(address(access_request, "approve/"), revision="1")

        assert (answer.status_code, heading_of(answer)) == (409, "It is too late")

    def test_refuses_the_requester_and_keeps_it_on_record(self, cast: Cast) -> None:
        access_request = make.submit(cast.bob)
        browser = signed_in(cast.bob)
        page = text_of(browser.get(address(access_request)))

        answer = browser.post(address(access_request, "approve/"), revision="1")

        event = AuditEvent.objects.get(event="access_request.refused")
        assert "Nobody decides on access that they ask for or would get." in page
        assert "approve/" not in page
        assert (answer.status_code, heading_of(answer)) == (403, "This is not yours to do")
        assert (event.actor, event.via, event.subject) == ("bob", "web", str(access_request))
        assert not Approval.objects.exists()

    def test_tells_an_auditor_why_not_in_place_of_buttons(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        browser = signed_in(cast.dave)

        page = text_of(browser.get(address(access_request)))
        answer = browser.post(address(access_request, "approve/"), revision="1")

        assert "This request is decided by data-owners. You are not among them: you can read everything here." in page
        assert "approve/" not in page
        assert answer.status_code == 403
        assert not Approval.objects.exists()

    def test_is_not_offered_when_the_policy_of_today_says_no(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        make.publish({"name": "closed", "rules": [{"name": "nothing", "match": {}, "deny": True}]})
        browser = signed_in(cast.bob)

        page = text_of(browser.get(address(access_request)))
        answer = browser.post(address(access_request, "approve/"), revision="1")

        assert "It cannot be approved today. Rule nothing denies read on shop-prod." in page
        assert "deny/" in page
        assert (answer.status_code, "Rule nothing denies" in text_of(answer)) == (403, True)

    @pytest.mark.parametrize("revision", ["", "one", "0"])
    def test_needs_a_revision(self, cast: Cast, revision: str) -> None:
        access_request = make.submit(cast.alice)

        answer = signed_in(cast.bob).post(address(access_request, "approve/"), revision=revision)

        assert answer.status_code == 422
        assert not Approval.objects.exists()


class TestDeny:
    def test_ends_the_request_and_tells_why(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        browser = signed_in(cast.bob)

        answer = browser.press(
            address(access_request), action=address(access_request, "deny/"), reason="Ask for one collection."
        )

        access_request.refresh_from_db()
        assert (answer.status_code, access_request.state) == (303, "denied")
        assert AuditEvent.objects.get(event="access_request.denied").via == "web"
        mine = text_of(signed_in(cast.alice).get(f"/requests/{access_request.pk}/"))
        assert "bob denied it: Ask for one collection." in mine

    @pytest.mark.parametrize("reason", ["", "   "])
    def test_needs_a_reason(self, cast: Cast, reason: str) -> None:
        access_request = make.submit(cast.alice)

        answer = signed_in(cast.bob).press(
            address(access_request), action=address(access_request, "deny/"), reason=reason
        )

        access_request.refresh_from_db()
        assert (answer.status_code, access_request.state) == (422, "pending")
        assert 'href="#deny_reason"' in text_of(answer)
        assert 'id="deny_reason"' in text_of(answer)

    def test_says_who_was_faster(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        make.approve(access_request, cast.grace)

        answer = signed_in(cast.bob).post(address(access_request, "deny/"), revision="1", reason="No.")

        assert (answer.status_code, heading_of(answer)) == (409, "Somebody was faster")
