"""Guards what fills the form in: presets of a target's catalogue entry, and one's own templates. Nothing is sent by it."""

from __future__ import annotations

from accessrequests.models import AccessRequest, SavedAsk
from tests import make
from tests.make import Cast
from tests.web.asking import press
from tests.web.browser import signed_in, text_of

PRESET = "/request/?target=shop-prod&preset=Correct%20a%20customer%27s%20data"


class TestPresets:
    def test_fill_the_form_in_with_a_hint_for_the_reason(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)

        page = text_of(browser.get(PRESET))
        assert "Whose data is wrong, and who told you?" in page
        assert 'href="/request/?target=shop-prod&amp;preset=Look%20into%20an%20order"' in page
        assert not AccessRequest.objects.exists()

        assert press(browser, PRESET).status_code == 303
        asked = AccessRequest.objects.get()
        assert (asked.roles, asked.duration.total_seconds(), asked.level) == (
            ["find,update@shop.customers"],
            1800,
            "write",
        )

    def test_stay_while_the_form_is_put_right(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), PRESET, reason="")

        assert answer.status_code == 422
        assert "Whose data is wrong, and who told you?" in text_of(answer)

    def test_that_are_not_there_fill_in_nothing(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)

        for address in ("/request/?target=shop-prod&preset=%3Cb%3EPay%20here", "/request/?target=nowhere&preset=x"):
            page = browser.get(address)
            assert page.status_code == 200
            assert "Pay here</b>" not in text_of(page)

    def test_stand_on_the_page_of_the_target_until_it_is_retired(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)

        assert "Look into an order" in text_of(browser.get("/targets/shop-prod/"))
        make.make_targets(retired=True)
        assert "Look into an order" not in text_of(browser.get("/targets/shop-prod/"))


class TestTemplates:
    def test_are_kept_from_a_request_and_asked_again(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)
        asked = make.submit(cast.alice, roles=("read@shop.products",), grantee="frank")
        page, keep = f"/requests/{asked.pk}/", f"/requests/{asked.pk}/save/"

        assert browser.press(page, action=keep, name="Products for Frank").status_code == 303

        assert "It is kept as Products for Frank" in text_of(browser.get(page))
        form = text_of(browser.get("/request/"))
        assert f'href="/request/?again={asked.pk}"' in form
        assert 'value="frank"' in text_of(browser.get(f"/request/?again={asked.pk}"))
        assert "Products for Frank" not in text_of(signed_in(cast.frank).get("/request/"))
        assert f'action="{keep}"' not in text_of(signed_in(cast.frank).get(page))

        kept = SavedAsk.objects.get()
        assert browser.press("/request/", action=f"/request/saved/{kept.pk}/forget/").status_code == 303
        assert not SavedAsk.objects.exists()

    def test_say_why_one_is_not_kept(self, cast: Cast) -> None:
        browser, asked = signed_in(cast.alice), make.submit(cast.alice)

        browser.press(f"/requests/{asked.pk}/", action=f"/requests/{asked.pk}/save/", name=" ")

        assert "Give it a name." in text_of(browser.get(f"/requests/{asked.pk}/"))
        assert not SavedAsk.objects.exists()
