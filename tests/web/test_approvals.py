"""Guards deciding in the portal: the right people, the right revision, and honest words to the others."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Approval, AuditEvent, Grant
from accessrequests.operations import grants, reminders
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.web.browser import heading_of, signed_in, text_of
from tests.web.grants import gone, live


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


class TestTabs:
    def test_decided_holds_ones_own_answers_newest_first(self, cast: Cast) -> None:
        mine = [make.approve(make.submit(cast.alice), cast.bob) for _ in range(2)]
        other = make.approve(make.submit(cast.alice), cast.grace)

        page = text_of(signed_in(cast.bob).get("/approvals/?show=decided"))

        assert page.index(address(mine[1])) < page.index(address(mine[0]))
        assert address(other) not in page
        assert "setting up" in page

    def test_all_holds_what_one_may_see(self, cast: Cast) -> None:
        own, decidable = make.submit(cast.bob), make.submit(cast.alice)
        staging = make.submit(cast.alice, target="shop-dev")

        seen = {
            name: text_of(signed_in(getattr(cast, name)).get("/approvals/?show=all"))
            for name in ("bob", "dave", "mallory")
        }

        assert [address(one) in seen["bob"] for one in (own, decidable, staging)] == [True, True, False]
        assert [address(one) in seen["dave"] for one in (own, decidable, staging)] == [True, True, True]
        assert "Nothing here yet" in seen["mallory"]

    def test_all_goes_on_over_pages(self, cast: Cast) -> None:
        filed = [make.submit(cast.alice) for _ in range(27)]
        browser = signed_in(cast.alice)

        first = text_of(browser.get("/approvals/?show=all"))
        older = text_of(browser.get(f"/approvals/?show=all&before={filed[2].pk}"))

        assert f"before={filed[2].pk}" in first
        assert address(filed[1]) not in first
        assert [address(one) in older for one in filed[:3]] == [True, True, False]

    @pytest.mark.parametrize(
        "ask", ["?show=all&before=x", "?show=all&before=" + "9" * 30, "?show=live&page=x", "?at=²"]
    )
    def test_answers_to_any_address(self, cast: Cast, ask: str) -> None:
        assert signed_in(cast.bob).get(f"/approvals/{ask}").status_code == 200

    def test_live_is_for_those_who_may_end_it(self, cast: Cast) -> None:
        grant, own = live(cast.alice, cast.bob), live(cast.bob, cast.grace)
        revoke = [f'action="/access/{one.pk}/revoke/"' for one in (grant, own)]

        seen = {
            name: text_of(signed_in(getattr(cast, name)).get("/approvals/?show=live"))
            for name in ("bob", "grace", "erin", "dave", "alice", "carol")
        }

        assert [form in seen["bob"] for form in revoke] == [True, False]
        assert [form in seen["grace"] for form in revoke] == [True, True]
        assert [form in seen["erin"] for form in revoke] == [True, True]
        assert "Alice Archer" in seen["dave"]
        assert "revoke/" not in seen["dave"]
        for name in ("alice", "carol"):
            assert "Nothing lives that you could end" in seen[name]

    def test_live_ends_access_with_a_reason(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)

        answer = signed_in(cast.erin).press(
            "/approvals/?show=live", action=f"/access/{grant.pk}/revoke/", reason="The ticket is closed."
        )

        grant.refresh_from_db()
        assert (answer.status_code, grant.state, grant.ended_by) == (303, "revoking", "erin")

    def test_forgets_live_access_once_it_is_gone(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.WEB)
        browser = signed_in(cast.bob)
        assert "ending" in text_of(browser.get("/approvals/?show=live"))
        gone(grant)

        assert "Nothing lives that you could end" in text_of(browser.get("/approvals/?show=live"))


class TestFragment:
    def test_is_the_list_alone_with_its_count(self, cast: Cast) -> None:
        first, second = make.submit(cast.alice), make.submit(cast.alice)

        answer = signed_in(cast.bob).get(f"/approvals/?at={second.pk}", headers={"HX-Request": "true"})

        part = text_of(answer)
        assert "<html" not in part
        assert 'data-title="(2)"' in part
        assert f'hx-get="/approvals/?at={second.pk}"' in part
        assert re.search(rf'id="item-{second.pk}"\s+href="{address(second)}"\s+aria-current="true"', part)
        assert re.search(rf'id="item-{first.pk}"\s+href="{address(first)}"\s+data-shortcut="k"', part)


class TestDecideBar:
    def test_offers_the_length_that_was_asked_and_every_shorter_one(self, cast: Cast) -> None:
        page = text_of(signed_in(cast.bob).get(address(make.submit(cast.alice))))

        assert "Approve 2 h" in page
        assert re.findall(r'name="duration"\s+value="(\w+)"', page) == ["PT1H", "PT30M"]

    def test_knows_what_the_person_holds_there_now(self, cast: Cast) -> None:
        live(cast.alice, cast.bob)

        page = text_of(signed_in(cast.bob).get(address(make.submit(cast.alice))))

        assert "now, for the first time" in page
        assert "1 of them here" in page

    def test_suggests_what_is_usual_when_more_is_asked(self, cast: Cast) -> None:
        for _ in range(5):
            grant = live(cast.alice, cast.bob)
            grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.WEB)
            gone(grant)
            Grant.objects.filter(pk=grant.pk).update(activated_at=make.now() - timedelta(minutes=80, seconds=30))

        page = text_of(signed_in(cast.bob).get(address(make.submit(cast.alice, duration=timedelta(hours=4)))))

        assert "Longer than usual: the last 5 times on shop-prod were used for about 1 h 20 min." in page
        assert re.search(r'value="PT2H">\s*Approve 2 h\s*</button>\s*<button class="btn main"', page)

    def test_opens_its_forms_without_a_script(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        browser = signed_in(cast.bob)

        opened = text_of(browser.get(f"{address(access_request)}?open=deny"))

        assert re.search(r'id="deny-dialog"\s+aria-labelledby="deny-title"\s+open', opened)
        assert not re.search(r'id="approve-dialog"\s+aria-labelledby="approve-title"\s+open', opened)

    def test_offers_the_next_one_and_the_end_of_this_one(self, cast: Cast) -> None:
        access_request, waiting = make.submit(cast.alice), make.submit(cast.grace)
        browser = signed_in(cast.bob)

        answer = browser.press(address(access_request), action=address(access_request, "approve/"))
        page = text_of(browser.get(answer["Location"]))

        assert f"Next: Grace Gupta, request {waiting.pk}" in page
        assert f'action="/access/{Grant.objects.get().pk}/revoke/"' in page


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
        assert (again.status_code, heading_of(again)) == (409, "You answered this already")

    def test_says_in_another_tab_what_one_did(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        browser = signed_in(cast.bob)
        browser.press(address(access_request), action=address(access_request, "deny/"), reason="Use staging.")

        answer = browser.post(address(access_request, "approve/"), revision="1")

        assert (answer.status_code, heading_of(answer)) == (409, "You answered this already")
        assert re.search(r"You denied this at .+ UTC\. It cannot be approved any more", text_of(answer))

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

    def test_says_beforehand_how_it_is_answered_and_names_whoever_stands_in(
        self, cast: Cast, clock: MovableClock
    ) -> None:
        steps = [{"group": "data-owners", "people": 1}, {"group": "auditors", "people": 1}]
        escalate = {"after": "PT1H", "to": "security"}
        make.publish_rules(make.rule("prod", approvals=steps, in_sequence=True, step_up=True, escalate=escalate))
        access_request = make.submit(cast.alice)

        page = text_of(signed_in(cast.bob).get(f"/approvals/{access_request.pk}/"))
        assert "They are asked one after another: data-owners, then auditors." in page
        assert "Approving is done in the portal, with a second factor." in page
        assert "Without an answer after 1 hour, people of security may answer too." in page
        assert "1 person of data-owners: you or grace can approve." in page

        clock.advance(timedelta(minutes=61))
        reminders.look_again(access_request_id=access_request.pk)
        page = text_of(signed_in(cast.carol).get(f"/approvals/{access_request.pk}/"))
        assert "1 person of data-owners: you, bob or grace can approve." in page

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
