"""Guards how an account of Slack becomes a person's: by a button under both names, once, and by nothing else."""

from __future__ import annotations

from urllib.parse import quote, unquote

from accessrequests.models import AuditEvent, SlackIdentity
from accessrequests.operations import slack_identities
from accessrequests.operations.slack_identities import Account
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.web.browser import give_password, signed_in, text_of


def address(user: str = "U0BOB", name: str = "bobby") -> str:
    return slack_identities.address_for(account=Account("", "T0ACME", user, name))


def page(given: str) -> str:
    return f"/slack/link/?t={quote(given)}"


class TestLink:
    def test_shows_both_names_and_links_only_by_its_button(self, cast: Cast) -> None:
        browser, given = signed_in(cast.bob), address()
        shown = text_of(browser.get(page(given)))
        assert "bobby" in shown
        assert "U0BOB" in shown
        assert cast.bob.name in shown
        assert not SlackIdentity.objects.exists()

        assert browser.press(page(given), action="/slack/link/").status_code == 303
        held = SlackIdentity.objects.get()
        assert (held.person, held.team_id, held.slack_user_id) == (cast.bob, "T0ACME", "U0BOB")
        assert AuditEvent.objects.get(event="person.slack_linked").actor == "bob"
        assert "U0BOB" in text_of(browser.get("/account/"))

    def test_a_spent_or_foreign_address_leads_nowhere(self, cast: Cast, clock: MovableClock) -> None:
        browser, given = signed_in(cast.bob), address()
        assert browser.press(page(given), action="/slack/link/").status_code == 303
        for bad in (given, given[:-2], "", address()[::-1]):
            assert browser.get(page(bad)).status_code == 410
            assert browser.post("/slack/link/", t=bad).status_code == 410

    def test_wants_the_password_again_after_fifteen_minutes(self, cast: Cast) -> None:
        give_password(cast.bob)
        given = address()
        answer = signed_in(cast.bob, minutes_ago=16).press(page(given), action="/slack/link/")
        assert not SlackIdentity.objects.exists()
        _, _, back = answer["Location"].partition("/accounts/reauthenticate/?next=")
        assert "/slack/link/" in unquote(back)
        assert signed_in(cast.bob).press(unquote(back), action="/slack/link/").status_code == 303
        assert SlackIdentity.objects.get().person == cast.bob

    def test_is_asked_of_who_is_signed_in(self, cast: Cast) -> None:
        account = address(name="<b>mallory</b>")
        assert "<b>mallory</b>" not in text_of(signed_in(cast.bob).get(page(account)))


class TestUnlink:
    def test_is_for_its_person_and_for_administrators(self, cast: Cast) -> None:
        for by, status in ((cast.mallory, 403), (cast.bob, 303), (cast.erin, 303)):
            held = SlackIdentity.objects.first() or slack_identities.link(person=cast.bob, address=address())
            assert signed_in(by).post(f"/slack/accounts/{held.pk}/unlink/").status_code == status
            assert SlackIdentity.objects.filter(pk=held.pk).exists() is (status == 403)

    def test_administrators_see_who_is_linked(self, cast: Cast) -> None:
        slack_identities.link(person=cast.bob, address=address())
        assert "U0BOB" in text_of(signed_in(cast.erin).get("/people/"))
