"""Guards the small answer that open pages ask for: what newly needs the person, once, and never anybody else's."""

from __future__ import annotations

import html
from datetime import datetime, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accessrequests.domain.events import Via
from accessrequests.models import Person
from accessrequests.operations import access_requests, grants
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.web.browser import signed_in, text_of
from tests.web.grants import live

BUDGET = 7  # who one is, whose service identities one owns, what waits, what lives


def pulse(person: Person, since: datetime) -> str:
    answer = signed_in(person).get(f"/pulse/?since={since.timestamp()}", headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return " ".join(html.unescape(text_of(answer)).split())


class TestPulse:
    def test_says_that_access_is_live_once(self, cast: Cast) -> None:
        before = make.now()
        grant = live(cast.alice, cast.bob)

        told, again = pulse(cast.alice, before), pulse(cast.alice, make.now())

        assert "Your access to shop-prod is live." in told
        assert f'<a href="/access/{grant.pk}/">Reveal password</a>' in told
        assert "is live" not in again

    def test_counts_what_waits_and_says_what_is_new(self, cast: Cast) -> None:
        make.submit(cast.alice)
        before = make.now()
        asked = make.submit(cast.alice, roles=("read@shop.products",))

        told = pulse(cast.bob, before)

        assert 'data-title="(2)"' in told
        assert "An approval waits for you: alice wants to read shop.products on shop-prod." in told
        assert f"/approvals/{asked.pk}/" in told
        assert "shop.orders" not in told

    def test_says_that_a_request_was_denied(self, cast: Cast) -> None:
        asked, before = make.submit(cast.alice), make.now()
        access_requests.deny(access_request_id=asked.pk, approver=cast.bob, via=Via.API, revision=1, reason="<b>")

        assert "bob denied your request to read shop.orders on shop-prod." in pulse(cast.alice, before)

    def test_warns_before_the_end_once_and_keeps_it_in_the_title(self, cast: Cast, clock: MovableClock) -> None:
        live(cast.alice, cast.bob)
        clock.advance(timedelta(hours=1, minutes=44))
        before = make.now()
        clock.advance(timedelta(minutes=4))

        told, again = pulse(cast.alice, before), pulse(cast.alice, make.now())

        assert "Your access to shop-prod ends in 11 min." in told
        assert "ends in" not in again
        assert 'data-title="11 min left ·"' in again

    def test_says_who_else_ended_it_but_not_what_one_did_oneself(self, cast: Cast) -> None:
        revoked, released, before = live(cast.alice, cast.bob), live(cast.alice, cast.bob), make.now()
        grants.revoke(grant_id=revoked.pk, person=cast.erin, via=Via.API, reason="Incident.")
        grants.release(grant_id=released.pk, holder=cast.alice, via=Via.API)

        told = pulse(cast.alice, before)

        assert told.count("was ended.") == 1
        assert f"/access/{revoked.pk}/" in told

    def test_alarms_administrators_alone(self, cast: Cast, clock: MovableClock) -> None:
        grant, before = live(cast.alice, cast.bob), make.now()
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)
        clock.advance(timedelta(seconds=20))

        assert "Alice Archer's access to shop-prod should have ended and may still work." in pulse(cast.erin, before)
        for person in (cast.bob, cast.dave, cast.mallory):
            assert "may still work" not in pulse(person, before)

    def test_is_nobody_elses(self, cast: Cast) -> None:
        before = make.now()
        live(cast.alice, cast.bob)

        for person in (cast.bob, cast.dave, cast.erin, cast.mallory):
            told = pulse(person, before)
            assert "toasts" not in told
            assert 'data-title=""' in told

    def test_costs_little(self, cast: Cast) -> None:
        before = make.now()
        for _ in range(3):
            live(cast.alice, cast.bob)
            make.submit(cast.bob)
        browsers = [signed_in(person) for person in (cast.alice, cast.erin, cast.grace)]

        for browser in browsers:
            with CaptureQueriesContext(connection) as captured:
                browser.get(f"/pulse/?since={before.timestamp()}", headers={"HX-Request": "true"})
            assert len(captured) <= BUDGET, [one["sql"] for one in captured]

    def test_takes_any_nonsense_as_now(self, cast: Cast) -> None:
        live(cast.alice, cast.bob)
        browser = signed_in(cast.alice)

        for since in ("", "nan", "inf", "-1e99", "1e99", "'"):
            assert browser.get(f"/pulse/?since={since}").status_code == 200, since
