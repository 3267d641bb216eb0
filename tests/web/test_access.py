"""Guards one's own access in the portal: the password is shown once, to its holder, on a fresh sign-in, and kept nowhere."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest

from accessrequests.domain.events import Via
from accessrequests.models import AuditEvent, Credential, Grant
from accessrequests.operations import _credential, credentials, grants
from accessrequests.web import access
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.web.browser import PASSWORD, Browser, give_password, heading_of, signed_in, text_of
from tests.web.grants import gone, live


def address(grant: Grant, verb: str = "") -> str:
    return f"/access/{grant.pk}/{verb}"


def revealed(browser: Browser, grant: Grant) -> str:
    """The password that the page shows."""
    answer = browser.press(address(grant), action=address(grant, "reveal/"))
    assert answer.status_code == 200, heading_of(answer)
    found = re.search(r'id="password"[^>]*>([^<]+)<', text_of(answer))
    assert found
    return html.unescape(found[1]).strip()


class TestMine:
    def test_shows_what_is_live_with_the_time_that_is_left(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)

        page = text_of(signed_in(cast.alice).get("/access/"))

        assert "Read shop.orders on shop-prod" in page
        assert re.search(r'<progress max="7200"\s+value="7(19\d|200)"', page)
        assert "1 h 59 min" in page
        assert f'action="{address(grant, "reveal/")}"' in page
        assert f'action="{address(grant, "release/")}"' in page

    def test_shows_what_waits_and_what_is_over(self, cast: Cast) -> None:
        make.submit(cast.alice, roles=("read@shop.products",))
        over = make.approved_grant(cast.alice, cast.bob)
        grants.release(grant_id=over.pk, holder=cast.alice, via=Via.API)
        gone(over)

        page = text_of(signed_in(cast.alice).get("/access/"))

        assert "Read shop.products on shop-prod" in page
        assert "No access was created: you gave it back." in page
        assert "You hold no database access, and none is on its way." in page
        assert "ended by you" in page

    def test_says_for_whom_a_request_waits(self, cast: Cast) -> None:
        make.submit(cast.alice, grantee="grace")

        assert f"For {cast.grace.name}. Asked" in text_of(signed_in(cast.alice).get("/access/"))

    def test_comes_a_page_at_a_time_soonest_to_end_first(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(access, "MOST_ALIVE", 2)
        numbers = [live(cast.alice, cast.bob).pk for _ in range(3)]
        browser = signed_in(cast.alice)

        first, second = text_of(browser.get("/access/")), text_of(browser.get("/access/?page=2"))

        assert [f'/access/{number}/"' in first for number in numbers] == [True, True, False]
        assert [f'/access/{number}/"' in second for number in numbers] == [False, False, True]
        assert "Page 1 of 2" in first
        assert re.findall(r"<h1>.*?<p>(.*?)</p>", first, re.DOTALL) == re.findall(
            r"<h1>.*?<p>(.*?)</p>", second, re.DOTALL
        )

    def test_shows_nobody_elses(self, cast: Cast) -> None:
        live(cast.alice, cast.bob)

        for person in (cast.bob, cast.dave, cast.erin):
            assert "You hold no database access" in text_of(signed_in(person).get("/access/"))

    def test_says_when_access_may_still_work(self, cast: Cast, clock: MovableClock) -> None:
        grant = live(cast.alice, cast.bob)
        clock.advance(timedelta(hours=3))
        assert grants.expire(grant_id=grant.pk)
        clock.advance(timedelta(minutes=1))

        page = text_of(signed_in(cast.alice).get(address(grant)))

        assert "This access may still work." in page
        assert f"on shop-prod the user {grant.username} must be dropped by hand" in page
        assert 'role="alert"' in page


class TestReveal:
    def test_shows_the_password_once(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        browser = signed_in(cast.alice)
        expected = _credential.opened(Credential.objects.select_related("grant").get(grant=grant))

        answer = browser.press(address(grant), action=address(grant, "reveal/"))
        again = browser.post(address(grant, "reveal/"))

        event = AuditEvent.objects.get(event="credential.revealed")
        assert (answer.status_code, html.unescape(text_of(answer)).count(expected)) == (200, 2)
        assert "no-store" in answer["Cache-Control"]
        assert (again.status_code, heading_of(again)) == (410, "It is gone")
        assert expected not in text_of(again)
        assert (event.actor, event.via) == ("alice", "web")
        assert expected not in str(event.facts)
        assert expected not in text_of(browser.get(address(grant)))

    def test_gives_a_command_that_does_not_hold_it(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        browser = signed_in(cast.alice)

        answer = browser.press(address(grant), action=address(grant, "reveal/"))

        found = re.search(r'aria-label="mongosh">\s*<code>(.*?)</code>', text_of(answer), re.DOTALL)
        assert found
        assert html.unescape(found[1]) == (
            "mongosh 'mongodb://127.0.0.1:27017/?authSource=admin&replicaSet=rs0&directConnection=true'"
            f" --username {grant.username}"
        )

    def test_wants_the_password_again_after_fifteen_minutes(self, cast: Cast) -> None:
        give_password(cast.alice)
        grant = live(cast.alice, cast.bob)
        browser = signed_in(cast.alice, minutes_ago=15.1)

        answer = browser.press(address(grant), action=address(grant, "reveal/"))

        assert answer.status_code == 303
        assert answer["Location"] == f"/accounts/reauthenticate/?next=%2Faccess%2F{grant.pk}%2F"
        assert Credential.objects.get(grant=grant).state == "ready"
        confirmed = browser.press(answer["Location"], action="/accounts/reauthenticate/", password=PASSWORD)
        assert confirmed["Location"] == address(grant)
        assert len(revealed(browser, grant)) >= 24

    def test_counts_the_sign_in_itself(self, cast: Cast) -> None:
        give_password(cast.alice)
        grant = live(cast.alice, cast.bob)
        browser = Browser()
        browser.sign_in(cast.alice)

        assert len(revealed(browser, grant)) >= 24

    def test_takes_no_proof_of_somebody_else(self, cast: Cast) -> None:
        """A session whose records belong to another person proves nothing."""
        grant = live(cast.alice, cast.bob)
        browser = signed_in(cast.alice)
        session = browser.client.session
        session["account_authentication_methods_user"] = str(cast.bob.pk)
        session.save()

        answer = browser.post(address(grant, "reveal/"))

        assert answer["Location"].startswith("/accounts/reauthenticate/")

    @pytest.mark.parametrize(
        ("name", "status"), [("bob", 403), ("dave", 403), ("erin", 403), ("carol", 404), ("mallory", 404)]
    )
    def test_refuses_everybody_else_and_keeps_it_on_record(self, cast: Cast, name: str, status: int) -> None:
        grant = live(cast.alice, cast.bob)

        answer = signed_in(getattr(cast, name)).post(address(grant, "reveal/"))

        event = AuditEvent.objects.get(event="grant.refused")
        assert answer.status_code == status
        assert (event.actor, event.via, event.subject) == (name, "web", str(grant))
        assert Credential.objects.get(grant=grant).state == "ready"

    def test_waits_until_there_is_one(self, cast: Cast) -> None:
        grant = make.approved_grant(cast.alice, cast.bob)

        answer = signed_in(cast.alice).post(address(grant, "reveal/"))

        assert (answer.status_code, heading_of(answer)) == (409, "It is not ready yet")

    def test_is_over_with_the_access(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)

        answer = signed_in(cast.alice).post(address(grant, "reveal/"))

        assert (answer.status_code, heading_of(answer)) == (410, "It is gone")


class TestRotate:
    def test_makes_a_new_one(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        browser = signed_in(cast.alice)
        first = revealed(browser, grant)

        answer = browser.press(address(grant), action=address(grant, "rotate/"))

        assert (answer.status_code, Credential.objects.get().generation) == (303, 2)
        assert "A new password is on its way." in text_of(browser.get(address(grant)))
        credentials.mark_rotated(grant_id=grant.pk, generation=2)
        assert revealed(browser, grant) != first

    def test_waits_for_the_one_before(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        browser = signed_in(cast.alice)
        browser.post(address(grant, "rotate/"))

        answer = browser.post(address(grant, "rotate/"))

        assert (answer.status_code, Credential.objects.get().generation) == (409, 2)


class TestEnd:
    def test_the_holder_gives_it_back(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        browser = signed_in(cast.alice)

        answer = browser.press(address(grant), action=address(grant, "release/"))

        grant.refresh_from_db()
        assert (answer.status_code, grant.state, grant.end_reason) == (303, "revoking", "released")
        page = text_of(browser.get(address(grant)))
        assert "It is being ended: you gave it back." in page
        assert "reveal/" not in page

    def test_it_is_gone_when_the_target_says_so(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        browser = signed_in(cast.alice)
        browser.post(address(grant, "release/"))
        gone(grant)

        page = text_of(browser.get(address(grant)))

        assert "It has ended: you gave it back." in page
        assert "Confirmed gone" in page

    def test_whoever_may_decide_can_revoke_it_with_a_reason(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        browser = signed_in(cast.bob)

        without = browser.press(address(grant), action=address(grant, "revoke/"))
        answer = browser.press(address(grant), action=address(grant, "revoke/"), reason="Wrong database.")

        grant.refresh_from_db()
        assert (without.status_code, answer.status_code) == (422, 303)
        assert (grant.end_reason, grant.note, grant.ended_by) == ("revoked", "Wrong database.", "bob")
        assert "It is being ended: bob revoked it (Wrong database)." in text_of(
            signed_in(cast.alice).get(address(grant))
        )

    def test_says_who_was_faster(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        grants.revoke(grant_id=grant.pk, person=cast.erin, via=Via.API, reason="Incident.")

        answer = signed_in(cast.alice).post(address(grant, "release/"))

        assert (answer.status_code, heading_of(answer)) == (409, "Somebody was faster")
        assert "erin was faster" in text_of(answer)
