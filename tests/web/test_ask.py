"""Guards the form of an ask in the portal: it offers what can be asked, and takes from a link or an earlier ask only what is one's own."""

from __future__ import annotations

from accessrequests.models import AccessRequest
from tests import make
from tests.make import Cast
from tests.web.asking import FORM, REASON, press
from tests.web.browser import Browser, signed_in, text_of

WANTS = ("Read one collection", "Read the database shop", "Write one collection", "Write the database shop")


class TestForm:
    def test_offers_the_targets(self, cast: Cast) -> None:
        page = text_of(signed_in(cast.alice).get("/request/"))

        assert [slug in page for slug in ("shop-dev", "shop-staging", "shop-prod")] == [True] * 3
        assert "id_role_0" not in page

    def test_offers_the_roles_of_the_chosen_target_but_none_that_give_access(self, cast: Cast) -> None:
        page = text_of(signed_in(cast.alice).get(FORM))

        assert "Reaches every collection of shop" in page
        wants = [page.index(f">{title}<") for title in WANTS]
        assert wants == sorted(wants), "By growing reach."
        assert "Takes: one of data-owners and one of security." in page
        assert "shop.orders (10 documents)" in page
        assert 'value="read@shop"' in page
        assert 'value="readWrite@shop"' in page
        assert "userAdmin@shop" not in page
        assert "dbOwner@shop" not in page

    def test_is_filled_from_a_link(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice))

        access_request = AccessRequest.objects.get()
        assert (answer.status_code, answer["Location"]) == (303, f"/requests/{access_request.pk}/")
        assert (access_request.target.slug, access_request.roles) == ("shop-prod", ["read@shop.orders"])

    def test_a_link_files_nothing_and_shrugs_at_nonsense(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)

        for link in (
            "?target=nowhere",
            "?target=shop-prod&role=@.",
            "?role=<b>",
            "?target=shop-prod&role=%00",
            "?target[]=x",
        ):
            assert browser.get(f"/request/{link}").status_code == 200
        assert not AccessRequest.objects.exists()

    def test_choosing_another_target_keeps_what_was_typed(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), act="choose", target="shop-staging", ticket="INC-7", duration="PT4H")

        page = text_of(answer)
        assert answer.status_code == 200
        assert 'value="INC-7"' in page
        assert REASON in page
        assert "Something needs to be put right" not in page
        assert not AccessRequest.objects.exists()


class TestTargets:
    def look(self, browser: Browser, words: str) -> str:
        return text_of(browser.get("/request/", data={"q": words}))

    def test_are_found_by_name_owner_and_environment(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)

        for words in ("staging", "SHOP-stag", "staging data-owners"):
            page = self.look(browser, words)
            assert 'value="shop-staging"' in page
            assert 'value="shop-prod"' not in page

    def test_are_found_by_database_and_collection(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)

        assert self.look(browser, "payments").count('name="target"') == 3
        assert "Nothing called orders-xyz is here." in self.look(browser, "orders-xyz")

    def test_what_is_looked_for_is_shown_as_text(self, cast: Cast) -> None:
        assert "<script>alert" not in self.look(signed_in(cast.alice), "<script>alert(1)</script>")

    def test_come_alone_when_the_page_asks_for_them(self, cast: Cast) -> None:
        answer = signed_in(cast.alice).get(
            "/request/", data={"q": "prod"}, headers={"HX-Request": "true", "HX-Target": "hits"}
        )

        assert "<html" not in text_of(answer)
        assert 'value="shop-prod"' in text_of(answer)

    def test_recent_ones_come_first(self, cast: Cast) -> None:
        make.submit(cast.alice, target="shop-staging")

        page = text_of(signed_in(cast.alice).get("/request/"))

        assert page.index('value="shop-staging"') < page.index('value="shop-dev"') < page.index('value="shop-prod"')

    def test_of_no_use_to_the_person_are_shown_and_say_whom_to_ask(self, cast: Cast) -> None:
        page = text_of(signed_in(cast.mallory).get("/request/"))

        assert page.count("Talk to data-owners about it.") == 3
        assert page.count("disabled") >= 3


class TestAgain:
    def test_fills_in_what_was_asked_before(self, cast: Cast) -> None:
        earlier = make.submit(cast.alice, ticket="INC-9", roles=("read@shop.orders", "readWrite@shop.products"))

        press(signed_in(cast.alice), f"/request/?again={earlier.pk}")

        again = AccessRequest.objects.exclude(pk=earlier.pk).get()
        assert (again.roles, again.ticket, again.duration) == (earlier.roles, "INC-9", earlier.duration)

    def test_does_not_show_what_others_asked(self, cast: Cast) -> None:
        earlier = make.submit(cast.alice, ticket="INC-9")

        page = text_of(signed_in(cast.mallory).get(f"/request/?again={earlier.pk}"))

        assert "INC-9" not in page
        assert earlier.reason not in page
