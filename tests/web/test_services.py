"""Guards asking for somebody else in the portal: who asked for whom is said everywhere, and who holds it has the buttons."""

from __future__ import annotations

from accessrequests.models import AccessRequest
from tests import make
from tests.make import Cast
from tests.web.asking import press
from tests.web.browser import signed_in, text_of
from tests.web.grants import live

SERVICE = (
    "Alice Archer asks for Continuous integration, a service identity. Bob Brandt answers for it: holds what it gets"
)
PERSON = "Alice Archer asks for Frank Fischer, who alone holds what comes of it. Neither of them decides."


class TestForWhom:
    def test_is_offered_to_those_who_may_ask_at_all(self, cast: Cast) -> None:
        make.make_service()

        offered = text_of(signed_in(cast.alice).get("/request/?target=shop-prod&grantee=ci-runner"))
        hidden = text_of(signed_in(cast.mallory).get("/request/?target=shop-prod"))

        assert "For whom" in offered
        assert '<option value="ci-runner">Continuous integration</option>' in offered
        assert "For whom" not in hidden

    def test_is_said_before_it_is_sent(self, cast: Cast) -> None:
        make.make_service()

        page = text_of(press(signed_in(cast.alice), act="preview", grantee="ci-runner"))

        assert SERVICE in page
        assert "A database user is made for Continuous integration" in page
        assert "Can still approve: grace" in page
        assert PERSON in text_of(press(signed_in(cast.alice), act="preview", grantee="frank"))

    def test_is_said_on_the_page_of_the_request(self, cast: Cast) -> None:
        make.make_service()
        press(signed_in(cast.alice), grantee="ci-runner")
        asked = AccessRequest.objects.get()

        for person in (cast.alice, cast.bob, cast.grace):
            assert SERVICE in text_of(signed_in(person).get(f"/requests/{asked.pk}/"))
        assert signed_in(cast.mallory).get(f"/requests/{asked.pk}/").status_code == 404
        assert f"/requests/{asked.pk}/" in text_of(signed_in(cast.bob).get("/search/?q=ci-runner"))
        assert f"/requests/{asked.pk}/" not in text_of(signed_in(cast.mallory).get("/search/?q=ci-runner"))
        assert f"Request {asked.pk}" not in text_of(signed_in(cast.bob).get("/approvals/"))
        assert "asks for Continuous" not in text_of(signed_in(cast.alice).get("/access/"))


class TestHeld:
    def test_the_owner_has_the_buttons_and_not_whoever_asked(self, cast: Cast) -> None:
        make.make_service()
        grant = live(cast.alice, cast.grace, grantee="ci-runner")
        reveal = f'action="/access/{grant.pk}/reveal/"'

        owner, asker = signed_in(cast.bob), signed_in(cast.alice)

        assert "for Continuous integration" in text_of(owner.get("/access/"))
        page, seen = text_of(owner.get(f"/access/{grant.pk}/")), text_of(asker.get(f"/access/{grant.pk}/"))
        assert "a service identity of Bob Brandt" in page
        assert (reveal in page, reveal in seen) == (True, False)
        assert "Only Bob Brandt, who owns Continuous integration, is shown the password." in seen
        assert owner.press(f"/access/{grant.pk}/", action=f"/access/{grant.pk}/release/").status_code == 303
        grant.refresh_from_db()
        assert (grant.end_reason, grant.ended_by) == ("released", "bob")

    def test_is_among_the_people_as_what_it_is(self, cast: Cast) -> None:
        make.make_service()
        assert "of bob, never signs in" in text_of(signed_in(cast.erin).get("/people/"))
