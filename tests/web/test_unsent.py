"""Guards that a session which ends in the middle of a form loses nothing that was typed, and does nothing with it by itself."""

from __future__ import annotations

import time

import pytest

from accessrequests import sealing
from accessrequests.models import AccessRequest, Approval, Grant
from accessrequests.web import unsent
from tests import make
from tests.make import Cast
from tests.web import grants
from tests.web.asking import FORM, press
from tests.web.browser import Browser, give_password, signed_in, text_of

TYPED = "Orders of 4711 & 4712 are off since noon."


def signed_out_while_typing(browser: Browser, reason: str) -> Browser:
    """The form was open; the session ended before it was sent."""
    page = browser.get(FORM)
    assert page.status_code == 200
    del browser.client.cookies["sessionid"]
    answer = browser.post("/request/", target="shop-prod", role="read@shop", reason=reason, act="send")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/request/")
    return browser


class TestUnsent:
    def test_stands_in_the_form_again_after_signing_in(self, cast: Cast) -> None:
        browser = signed_out_while_typing(signed_in(cast.alice), TYPED)

        give_password(cast.alice)
        browser.sign_in(cast.alice)
        page = text_of(browser.get("/request/"))

        assert "4711 &amp; 4712" in page
        assert not AccessRequest.objects.exists()
        assert "4711" not in text_of(browser.get("/request/")), "Given back once."

    def test_holds_no_secret_and_nothing_larger_than_people_type(self, cast: Cast) -> None:
        browser = signed_out_while_typing(signed_in(cast.alice), "x" * (unsent.MOST + 1))
        assert unsent.KEY not in browser.client.session

        browser.post("/request/", reason=TYPED, password="hunter2")

        kept = browser.client.session[unsent.KEY]
        typed = sealing.open_sealed(kept["typed"].encode(), purpose=f"unsent/{cast.alice.pk}")
        assert "4711" not in str(kept)
        assert "4711" in typed
        assert "hunter2" not in typed
        assert "csrf" not in typed

    def test_is_for_the_page_it_was_typed_on(self, cast: Cast) -> None:
        browser = signed_out_while_typing(signed_in(cast.alice), TYPED)

        give_password(cast.alice)
        browser.sign_in(cast.alice)

        assert "4711" not in text_of(browser.get("/access/"))
        assert "4711" in text_of(browser.get("/request/"))
        assert press(browser).status_code == 303

    def test_is_for_the_person_who_typed_it(self, cast: Cast) -> None:
        browser = signed_out_while_typing(signed_in(cast.alice), TYPED)

        give_password(cast.bob)
        browser.sign_in(cast.bob)

        assert "4711" not in text_of(browser.get("/request/"))
        assert unsent.KEY not in browser.client.session

    def test_is_kept_for_a_quarter_of_an_hour(self, cast: Cast) -> None:
        browser = signed_out_while_typing(signed_in(cast.alice), TYPED)
        assert "What you typed is kept" in text_of(browser.get("/accounts/login/"))
        session = browser.client.session
        session[unsent.KEY] = {**session[unsent.KEY], "at": time.time() - 16 * 60}
        session.save()

        give_password(cast.alice)
        assert "What you typed is kept" not in text_of(browser.get("/accounts/login/"))
        browser.sign_in(cast.alice)

        assert "4711" not in text_of(browser.get("/request/"))

    def test_is_nothing_that_another_site_sent(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)
        browser.get(FORM)
        del browser.client.cookies["sessionid"]

        forged = browser.client.post("/request/", {"reason": TYPED, "target": "shop-prod"})

        assert forged.status_code == 403
        assert unsent.KEY not in browser.client.session

    def test_is_nothing_of_a_browser_in_which_nobody_was(self, cast: Cast) -> None:
        browser = Browser()
        browser.client.cookies["known"] = str(cast.alice.pk)  # without our signature

        browser.post("/request/", reason=TYPED)

        assert unsent.KEY not in browser.client.session

    @pytest.mark.parametrize(("act", "field"), [("deny", "reason"), ("approve", "comment"), ("comments", "text")])
    def test_stands_in_the_forms_of_a_request_again(self, cast: Cast, act: str, field: str) -> None:
        access_request = make.submit(cast.alice)
        place = "requests" if act == "comments" else "approvals"
        browser = signed_in(cast.bob)
        browser.get(f"/{place}/{access_request.pk}/")
        del browser.client.cookies["sessionid"]
        answer = browser.post(f"/{place}/{access_request.pk}/{act}/", **{field: TYPED, "revision": "1"})
        assert answer["Location"].startswith(f"/accounts/login/?next=/{place}/{access_request.pk}/%3Fopen%3D{act}")

        give_password(cast.bob)
        browser.sign_in(cast.bob)
        page = text_of(browser.get(f"/{place}/{access_request.pk}/?open={act}"))

        assert "4711 &amp; 4712" in page
        assert not Approval.objects.exists()

    def test_stands_in_the_form_that_ends_anothers_access_again(self, cast: Cast) -> None:
        grant = grants.live(cast.alice, cast.bob)
        browser = signed_in(cast.bob)
        browser.get(f"/access/{grant.pk}/")
        del browser.client.cookies["sessionid"]
        browser.post(f"/access/{grant.pk}/revoke/", reason=TYPED)

        give_password(cast.bob)
        browser.sign_in(cast.bob)

        assert "4711 &amp; 4712" in text_of(browser.get(f"/access/{grant.pk}/"))
        assert Grant.objects.get().state == "active"

    def test_is_no_press_without_words(self, cast: Cast) -> None:
        grant = grants.live(cast.alice, cast.bob)
        browser = signed_in(cast.alice)
        browser.get(f"/access/{grant.pk}/")
        del browser.client.cookies["sessionid"]

        answer = browser.post(f"/access/{grant.pk}/reveal/")

        assert answer["Location"] == f"/accounts/login/?next=/access/{grant.pk}/"
        assert unsent.KEY not in browser.client.session
