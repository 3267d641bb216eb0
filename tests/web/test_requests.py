"""Guards the page of one request: who sees it, what it says in each state, and taking it back."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.http import HttpResponse

from accessrequests.domain.events import Event, Via
from accessrequests.domain.wording import moment
from accessrequests.models import AccessRequest, AuditEvent, Grant, Target
from accessrequests.operations import access_requests, extensions
from accessrequests.web import shown
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.web.browser import Forms, heading_of, signed_in, text_of
from tests.web.grants import live


def address(access_request: AccessRequest, verb: str = "") -> str:
    return f"/requests/{access_request.pk}/{verb}"


def plain(answer: HttpResponse) -> str:
    """A page without what is new each time."""
    return re.sub(r'(name="csrfmiddlewaretoken" value=|hx-get="/pulse/\?since=)[^ ]*', r"\1", text_of(answer))


class TestWhatHappened:
    def test_the_same_refusal_again_and_again_is_told_once(self) -> None:
        def refused(sequence: int, *, actor: str = "mallory", why: str = "They may not even see it.") -> AuditEvent:
            event = Event.ACCESS_REQUEST_REFUSED.value
            return AuditEvent(sequence=sequence, event=event, actor=actor, facts={"why": why})

        lapsed = AuditEvent(sequence=6, event=Event.ACCESS_REQUEST_EXPIRED.value, actor="product", facts={})
        others = [refused(4, actor="frank"), refused(5, why="You were not among them."), lapsed, refused(7)]

        said = list(shown.told([refused(1), refused(2), refused(3), *others]))

        assert [(event.sequence, sentence) for event, sentence in said] == [
            (3, "mallory was refused: They may not even see it. (3 times)"),
            (4, "frank was refused: They may not even see it."),
            (5, "mallory was refused: “You were not among them.”"),
            (6, "Nobody answered in time, so the request has lapsed."),
            (7, "mallory was refused: They may not even see it."),
        ]


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


class TestStates:
    """What stands where the buttons would be, and what came of it."""

    def test_waiting_offers_the_requester_to_take_it_back(self, cast: Cast) -> None:
        page = text_of(signed_in(cast.alice).get(address(make.submit(cast.alice))))

        assert "lapses in" in page
        assert "Nobody decides on access that they ask for or would get." in page
        assert "cancel/" in page
        assert "approve/" not in page

    def test_half_decided_names_who_has_and_who_is_waited_for(self, cast: Cast) -> None:
        access_request = make.approve(make.submit(cast.alice, roles=("readWrite@shop",)), cast.bob)

        page = text_of(signed_in(cast.carol).get(address(access_request)))

        assert "1 of 2 done: bob as data-owners" in page
        assert "1 person of security: you can approve." in page

    def test_filled_slot_takes_the_buttons_of_a_colleague(self, cast: Cast) -> None:
        access_request = make.approve(make.submit(cast.alice, roles=("readWrite@shop",)), cast.bob)
        browser = signed_in(cast.grace)

        page = text_of(browser.get(f"/approvals/{access_request.pk}/"))

        assert "bob approved for data-owners already. It waits for 1 person of security." in page
        assert "approve/" not in page
        assert "Nothing waits for you" in text_of(browser.get("/approvals/"))

    def test_denied_says_why_and_leads_to_asking_again(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        access_requests.deny(
            access_request_id=access_request.pk, approver=cast.bob, via=Via.WEB, revision=1, reason="Use staging."
        )

        page = text_of(signed_in(cast.alice).get(address(access_request)))

        assert "bob denied it: Use staging." in page
        assert "No access was created." in page
        assert f'href="/request/?again={access_request.pk}"' in page
        assert "?again=" not in text_of(signed_in(cast.bob).get(address(access_request)))

    def test_lapsed_and_taken_back_say_so(self, cast: Cast, clock: MovableClock) -> None:
        back, lapsed = make.submit(cast.alice), make.submit(cast.alice)
        access_requests.cancel(access_request_id=back.pk, requester=cast.alice, via=Via.WEB)
        clock.advance(timedelta(hours=9))
        late = text_of(signed_in(cast.bob).get(address(lapsed)))
        access_requests.expire(access_request_id=lapsed.pk)
        browser = signed_in(cast.alice)

        assert "Nobody answered in time, so the request has lapsed." in late
        assert "approve/" not in late
        assert "The requester took it back." in text_of(browser.get(address(back)))
        assert "Nobody answered in time, so it has lapsed." in text_of(browser.get(address(lapsed)))

    def test_a_live_grant_can_be_ended_by_whoever_approved_it(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        path = address(grant.access_request)

        page = text_of(signed_in(cast.bob).get(path))

        assert "Live until" in page
        assert f'action="/access/{grant.pk}/revoke/"' in page
        for name in ("alice", "dave"):
            assert "revoke/" not in text_of(signed_in(getattr(cast, name)).get(path))

    def test_a_pending_grant_says_what_it_waits_for(self, cast: Cast, clock: MovableClock) -> None:
        grant = make.approved_grant(cast.alice, cast.bob)
        browser, path = signed_in(cast.alice), address(grant.access_request)
        assert "No worker has taken it" not in text_of(browser.get(path))

        clock.advance(timedelta(minutes=2))
        assert "No worker has taken it for 2 min." in text_of(browser.get(path))

        Grant.objects.update(last_error="The server refused the connection.")
        assert "The last try said: The server refused the connection." in text_of(browser.get(path))

        Target.objects.update(unreachable_since=make.now() - timedelta(minutes=5))
        assert "shop-prod has not answered for 5 min." in text_of(browser.get(path))

    def test_what_is_held_already_is_told_once(self, cast: Cast) -> None:
        make.approved_grant(cast.alice, cast.bob)
        same, more = make.submit(cast.alice), make.submit(cast.alice, roles=("read@shop",))
        browser = signed_in(cast.bob)

        again, wider = text_of(browser.get(address(same))), text_of(browser.get(address(more)))

        assert "Nothing new: it would last longer, no more." in again
        assert "Read documents in shop.orders." not in again
        assert "Read documents in every collection of shop." in wider
        assert wider.count("read@shop.orders, held already") == 1

    def test_what_is_held_for_longer_is_not_said_to_last_longer(self, cast: Cast) -> None:
        held = make.active_grant(cast.alice, cast.bob)
        held.refresh_from_db()
        assert held.expires_at is not None
        browser = signed_in(cast.bob)

        sooner = make.submit(cast.alice, duration=timedelta(minutes=10))
        wider = make.submit(cast.alice, roles=("read@shop",), duration=timedelta(minutes=10))

        sentence = (
            f"Nothing new: Alice Archer holds all of this already, until {moment(held.expires_at)}, which is later."
        )
        assert sentence in text_of(browser.get(address(sooner)))
        assert "Nothing new" not in text_of(browser.get(address(wider)))

    def test_more_time_is_not_said_to_be_held_already(self, cast: Cast) -> None:
        held = make.active_grant(cast.alice, cast.bob)
        extensions.ask(
            grant_id=held.pk,
            holder=cast.alice,
            via=Via.WEB,
            duration=timedelta(minutes=15),
            reason="Two are left to look at.",
        )
        asked = AccessRequest.objects.get(extends=held)

        said = text_of(signed_in(cast.bob).get(address(asked)))

        assert "Nothing new: it would last longer, no more." in said
        assert "which is later" not in said

    def test_the_record_is_for_others_not_for_oneself(self, cast: Cast) -> None:
        make.approve(make.submit(cast.alice), cast.bob)
        access_request = make.submit(cast.alice)

        assert "1 other request" in text_of(signed_in(cast.bob).get(address(access_request)))
        assert "Last 30 days" not in text_of(signed_in(cast.alice).get(address(access_request)))


class TestNews:
    def test_are_nothing_until_something_happens(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        browser = signed_in(cast.bob)
        (address_of_news,) = re.findall(r'hx-get="(/requests/[^"]+)"', text_of(browser.get(address(access_request))))
        before = browser.get(address_of_news, headers={"HX-Request": "true"})
        make.approve(access_request, cast.grace)

        after = browser.get(address_of_news, headers={"HX-Request": "true"})

        assert (before.status_code, before.content) == (204, b"")
        assert after.status_code == 286
        assert "The request is approved for 2 hours." in text_of(after)
        assert "<html" not in text_of(after)

    def test_are_not_for_others(self, cast: Cast) -> None:
        path = address(make.submit(cast.alice))

        assert signed_in(cast.carol).get(path, headers={"HX-Request": "true"}).status_code == 404

    def test_end_with_the_request(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        access_requests.cancel(access_request_id=access_request.pk, requester=cast.alice, via=Via.WEB)

        assert "?seen=" not in text_of(signed_in(cast.alice).get(address(access_request)))


class TestComment:
    def test_is_written_once_and_read_by_the_others(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        browser, path = signed_in(cast.bob), address(access_request, "comments/")
        form = Forms(text_of(browser.get(f"/approvals/{access_request.pk}/"))).fields_of(path)

        answers = [browser.client.post(path, {**form, "text": "Would staging do?"}) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [303, 303]
        assert answers[0]["Location"] == f"/approvals/{access_request.pk}/#activity"
        event = AuditEvent.objects.get(event="access_request.commented")
        assert (event.actor, event.via, event.facts) == ("bob", "web", {"text": "Would staging do?"})
        assert "Would staging do?" in text_of(signed_in(cast.alice).get(address(access_request)))

    def test_leads_back_to_where_it_was_written(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)

        answer = signed_in(cast.alice).press(
            address(access_request), action=address(access_request, "comments/"), text="It is urgent."
        )

        assert answer["Location"] == f"{address(access_request)}#activity"

    @pytest.mark.parametrize("text", ["", " ", "turn \u202e round"])
    def test_that_cannot_be_read_is_put_right(self, cast: Cast, text: str) -> None:
        access_request = make.submit(cast.alice)

        answer = signed_in(cast.alice).press(
            address(access_request), action=address(access_request, "comments/"), text=text
        )

        assert answer.status_code == 422
        assert 'href="#comment_text"' in text_of(answer)
        assert not AuditEvent.objects.filter(event="access_request.commented").exists()

    def test_is_inert(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice, reason="<script>alert(1)</script> <b>twelve</b>")
        signed_in(cast.alice).post(address(access_request, "comments/"), text="<img src=x onerror=alert(2)>")

        page = text_of(signed_in(cast.bob).get(address(access_request)))

        assert "<script>alert" not in page
        assert "<img" not in page
        assert "&lt;img src=x onerror=alert(2)&gt;" in page

    def test_is_not_offered_to_auditors_or_when_it_is_over(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        assert "comments/" not in text_of(signed_in(cast.dave).get(address(access_request)))
        access_requests.cancel(access_request_id=access_request.pk, requester=cast.alice, via=Via.WEB)

        browser = signed_in(cast.alice)
        page = text_of(browser.get(address(access_request)))
        answer = browser.post(address(access_request, "comments/"), text="Sorry.")

        assert "nobody reads on here" in page
        assert "comments/" not in page
        assert answer.status_code == 409
