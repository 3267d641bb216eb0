"""Guards what the page of a grant says in each of its states, how one connects, and the part that asks again by itself."""

from __future__ import annotations

import html
from datetime import timedelta

import pytest

from accessrequests.domain.events import Via
from accessrequests.domain.lifecycle import EndReason
from accessrequests.models import AuditEvent, Credential, Grant, Target
from accessrequests.operations import grants
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.web.browser import signed_in, text_of
from tests.web.grants import gone, live
from tests.web.test_access import address, revealed


class TestStates:
    """Every state says what is true, and why, and what to do."""

    def page_of(self, cast: Cast, grant: Grant, path: str = "") -> str:
        return html.unescape(text_of(signed_in(cast.alice).get(path or address(grant))))

    def test_a_start_that_lies_ahead(self, cast: Cast) -> None:
        grant = make.approved_grant(cast.alice, cast.bob, starts_at=make.now() + timedelta(hours=3))

        page = self.page_of(cast, grant)

        assert "It is approved and starts at" in page
        assert "it is given up, and no access is created" in page
        assert "every 30s" in page

    def test_setting_up_with_its_steps(self, cast: Cast) -> None:
        grant = make.approved_grant(cast.alice, cast.bob)
        assert "A worker takes it next." in self.page_of(cast, grant)
        assert grants.start_provisioning(grant_id=grant.pk) is not None

        page = self.page_of(cast, grant)

        assert "Your user is being made." in page
        assert "Approved by bob" in page
        assert "Sent to shop-prod" in page
        assert "every 2s" in page
        assert "One grant is being set up." in self.page_of(cast, grant, "/access/")

    def test_live_on_a_target_that_is_away(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        Target.objects.filter(slug="shop-prod").update(unreachable_since=make.now())

        assert "it may not take logins now." in self.page_of(cast, grant, "/access/")

    def test_why_it_waits(self, cast: Cast, clock: MovableClock) -> None:
        grant = make.approved_grant(cast.alice, cast.bob)
        attempt = grants.start_provisioning(grant_id=grant.pk)
        assert attempt is not None
        grants.note_failure(
            grant_id=grant.pk, attempt=attempt.number, sentence="No answer.", permanent=False, unreachable=True
        )
        Target.objects.filter(slug="shop-prod").update(unreachable_since=make.now())
        clock.advance(timedelta(minutes=5))

        page = self.page_of(cast, grant)

        assert "shop-prod has not answered since" in page
        assert "The last try did not succeed: No answer." in page
        assert "The workers show no sign of life." in page

    def test_setup_failed(self, cast: Cast) -> None:
        grant = make.approved_grant(cast.alice, cast.bob)
        attempt = grants.start_provisioning(grant_id=grant.pk)
        assert attempt is not None
        grants.note_failure(
            grant_id=grant.pk, attempt=attempt.number, sentence="<b>100 users</b>", permanent=True, unreachable=False
        )
        gone(grant)

        answer = signed_in(cast.alice).get(address(grant))

        assert "No access was created: it could not be set up (&lt;b&gt;100 users&lt;/b&gt;)." in text_of(answer)
        assert f"?again={grant.access_request_id}" in text_of(answer)

    def test_ends_soon(self, cast: Cast, clock: MovableClock) -> None:
        grant = live(cast.alice, cast.bob)
        clock.advance(timedelta(hours=1, minutes=48))

        page = self.page_of(cast, grant)

        assert "ends soon" in page
        assert 'data-title="11 min left' in page

    def test_cut_and_not_clean(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)
        grants.mark_cut(cuts=[grants.Cut(grant.pk, {"users": 0})])

        page = self.page_of(cast, grant)

        assert "Login is off since" in page
        assert "What is left of it on the target is being removed." in page
        assert "While it was open: Proved by a login, while the user can do nothing yet." in page
        assert "<dt>open: proof</dt>" in page

    @pytest.mark.parametrize(
        ("reason", "word"),
        [
            (EndReason.DRIFT, "ended: changed on the target"),
            (EndReason.PERSON_DISABLED, "ended: account is off"),
            (EndReason.ELIGIBILITY_LOST, "ended: policy"),
            (EndReason.TARGET_RETIRED, "ended: target retired"),
        ],
    )
    def test_ended_by_the_house(self, cast: Cast, reason: EndReason, word: str) -> None:
        grant = live(cast.alice, cast.bob)
        assert grants.end(grant_id=grant.pk, reason=reason, note="")
        gone(grant)

        assert word in self.page_of(cast, grant)

    def test_a_password_that_nobody_read(self, cast: Cast, clock: MovableClock) -> None:
        grant = live(cast.alice, cast.bob)
        clock.advance(timedelta(minutes=16))

        page = self.page_of(cast, grant)

        assert "Nobody read the password in time, so it was erased." in page
        assert address(grant, "reveal/") not in page
        assert address(grant, "rotate/") in page


class TestConnect:
    def test_no_way_holds_the_password(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob, source_addresses=("192.0.2.7",))
        browser = signed_in(cast.alice)
        password = revealed(browser, grant)

        page = html.unescape(" ".join(text_of(browser.get(address(grant))).split()))

        for way in ("mongosh", "Compass", "Python", "Node.js", "Go", "Env file"):
            assert f'aria-label="{way}"' in page
        assert password not in page
        assert f"mongodb://{grant.username}@127.0.0.1:27017/" in page
        assert "It works only from 192.0.2.7." in page


class TestLive:
    """The part that a page asks for again by itself."""

    def test_stays_as_it_is(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)

        answer = signed_in(cast.alice).get(address(grant, "?was=active-ready"), headers={"HX-Request": "true"})

        assert (answer.status_code, "HX-Refresh" in answer) == (200, False)
        assert "<html" not in text_of(answer)

    def test_has_the_page_loaded_again_once_something_changed(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)

        answer = signed_in(cast.alice).get(address(grant, "?was=pending-none"), headers={"HX-Request": "true"})

        assert (answer.status_code, answer["HX-Refresh"]) == (286, "true")

    def test_stops_when_it_is_over(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)
        gone(grant)

        answer = signed_in(cast.alice).get(address(grant), headers={"HX-Request": "true"})

        assert answer.status_code == 286

    def test_is_nobody_elses(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)

        answer = signed_in(cast.mallory).get(address(grant), headers={"HX-Request": "true"})

        assert answer.status_code == 404


class TestWhoMayEnd:
    def test_is_said(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)

        page = html.unescape(text_of(signed_in(cast.dave).get(address(grant))))

        assert "Alice Archer can give it back. Administrators and whoever may decide" in page
        assert address(grant, "revoke/") not in page

    def test_a_strangers_reach_for_a_new_password_is_on_record(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)

        answer = signed_in(cast.mallory).post(address(grant, "rotate/"))

        event = AuditEvent.objects.get(event="grant.refused")
        assert (answer.status_code, event.actor, event.subject) == (404, "mallory", str(grant))
        assert Credential.objects.get(grant=grant).generation == 1
