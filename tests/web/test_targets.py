"""Guards the pages of targets: what they hold, how they are, and what the policy says to the one who looks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accessrequests.domain.events import Via
from accessrequests.models import Target
from accessrequests.operations import grants, targets
from tests import make
from tests.make import Cast
from tests.web.browser import signed_in, text_of
from tests.web.grants import live


class TestTheList:
    def test_says_what_the_policy_says_to_me(self, cast: Cast) -> None:
        alice, mallory = (text_of(signed_in(one).get("/targets/")) for one in (cast.alice, cast.mallory))

        assert "1 of data-owners, up to 8 hours" in alice
        assert "at once, nobody has to approve, up to" in alice
        assert (
            "is for people of engineering, and mallory is not one of them. An administrator adds people to a group."
            in mallory
        )
        assert "up to 8 hours" not in mallory

    def test_says_what_is_on_each(self, cast: Cast) -> None:
        live(cast.alice, cast.bob)
        ending = live(cast.grace, cast.bob)
        grants.release(grant_id=ending.pk, holder=cast.grace, via=Via.WEB)
        make.approved_grant(cast.frank, cast.bob, starts_at=make.now() + timedelta(hours=3))

        text = text_of(signed_in(cast.dave).get("/targets/"))

        assert "4 collections" in text
        assert "Grants now: 1 live, 1 ending, 1 scheduled" in text
        assert 'href="/request/?target=shop-prod"' in text

    def test_says_how_each_is(self, cast: Cast) -> None:
        make.unread_target()
        targets.mark_unreachable(slug="shop-prod", why="It does not answer.")
        Target.objects.filter(slug="shop-dev").update(retired_at=make.now())

        text = text_of(signed_in(cast.alice).get("/targets/"))

        assert "does not answer" in text
        assert "has not been read yet" in text
        assert "retired" in text
        assert 'href="/request/?target=shop-dev"' not in text

    @pytest.mark.django_db
    def test_without_any_says_what_to_do(self) -> None:
        folk = make.make_people()

        text = text_of(signed_in(folk.alice).get("/targets/"))

        assert "manage.py targets apply" in text
        assert "No policy has been published yet" in text

    def test_costs_the_same_for_many(self, cast: Cast) -> None:
        costs = []
        for slug in ("shop-new", "shop-newer"):
            make.unread_target(slug)
            browser = signed_in(cast.erin)
            for path in ("/targets/", "/targets/shop-prod/"):
                live(cast.alice, cast.bob)
                with CaptureQueriesContext(connection) as captured:
                    assert browser.get(path).status_code == 200
                costs.append(len(captured))
        assert costs[:2] == costs[2:]
        assert max(costs) <= 12, costs


class TestOne:
    def test_shows_data_roles_and_what_they_let_one_do(self, cast: Cast) -> None:
        text = text_of(signed_in(cast.alice).get("/targets/shop-prod/"))

        assert "orders" in text
        assert "about 10 documents" in text
        assert "readWrite@shop" in text
        assert "never given" in text

    def test_shows_the_grants_that_one_may_see(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        link = f'href="/access/{grant.pk}/"'

        assert link in text_of(signed_in(cast.alice).get("/targets/shop-prod/"))
        assert link in text_of(signed_in(cast.dave).get("/targets/shop-prod/"))
        assert link not in text_of(signed_in(cast.mallory).get("/targets/shop-prod/"))

    def test_shows_trouble_to_those_who_watch(self, cast: Cast) -> None:
        targets.mark_unreachable(slug="shop-prod", why="It does not answer.")

        assert "went wrong of late" in text_of(signed_in(cast.erin).get("/targets/shop-prod/"))
        assert "went wrong of late" not in text_of(signed_in(cast.alice).get("/targets/shop-prod/"))

    def test_shows_what_is_to_be_put_right_to_those_who_watch(self, cast: Cast) -> None:
        too_much = "Our service account has GROUP_OWNER, which it does not need. Take it away."
        targets.record_check(slug="shop-prod", clock_skew=3.2, warnings=(too_much,))

        for path in ("/targets/shop-prod/", "/health/"):
            assert too_much in text_of(signed_in(cast.erin).get(path))
        assert "to be put right" in text_of(signed_in(cast.dave).get("/targets/"))
        for path in ("/targets/", "/targets/shop-prod/"):
            page = text_of(signed_in(cast.alice).get(path))
            assert "Its clock differs from ours by 3.2 s." in page
            assert "put right" not in page

        targets.record_check(slug="shop-prod", clock_skew=0.1, warnings=())

        page = text_of(signed_in(cast.erin).get("/targets/shop-prod/"))
        assert "put right" not in page
        assert "Its clock differs" not in page

    def test_draws_how_much_it_holds_with_what_is_kept_for_break_glass(self, cast: Cast) -> None:
        full, low = {"limit": 100, "used": 95}, {"limit": 200, "used": 182}
        make.make_atlas(database_users=full, access_list=low)

        page = text_of(signed_in(cast.alice).get("/targets/ecommerce-prod/"))

        for name, limit, used, tone, said in (
            ("Database users", 100, 95, "out", "None is left for ordinary access; 5 are kept free for break-glass."),
            ("Custom roles", 100, 3, "", "92 are left for ordinary access; 5 are kept free for break-glass."),
            (
                "Entries in its access list",
                200,
                182,
                "low",
                "8 are left for ordinary access; 10 are kept free for break-glass.",
            ),
        ):
            assert (
                f'<div class="fuse room {tone}">\n                <progress max="{limit}" value="{used}" aria-label="{name}">'
                in page
            )
            assert said in page

    def test_not_read_yet_says_so(self, cast: Cast) -> None:
        make.unread_target()

        text = text_of(signed_in(cast.alice).get("/targets/shop-new/"))

        assert "It has not been read yet." in text
        assert "No role has been read from it yet." in text

    def test_unknown_is_not_found(self, cast: Cast) -> None:
        assert signed_in(cast.alice).get("/targets/nowhere/").status_code == 404
