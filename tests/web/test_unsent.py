"""Guards that a session which ends in the middle of a form loses nothing that was typed, and does nothing with it by itself."""

from __future__ import annotations

from accessrequests.models import AccessRequest
from accessrequests.web import unsent
from tests.make import Cast
from tests.web.browser import Browser, give_password, signed_in, text_of
from tests.web.test_ask import FORM, press

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

        kept = browser.client.session[unsent.KEY]["typed"]
        assert "4711" in kept
        assert "hunter2" not in kept
        assert "csrf" not in kept

    def test_is_for_the_page_it_was_typed_on(self, cast: Cast) -> None:
        browser = signed_out_while_typing(signed_in(cast.alice), TYPED)

        give_password(cast.alice)
        browser.sign_in(cast.alice)

        assert "4711" not in text_of(browser.get("/access/"))
        assert "4711" in text_of(browser.get("/request/"))
        assert press(browser).status_code == 303
