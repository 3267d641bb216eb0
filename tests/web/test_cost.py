"""Guards what a page costs the database: as many queries for many rows as for few."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import make
from tests.make import Cast
from tests.web.browser import signed_in
from tests.web.grants import live

BUDGET = 12
DETAIL = 22


class TestCost:
    @pytest.mark.parametrize("path", ["/approvals/", "/access/", "/tokens/", "/request/?target=shop-prod"])
    def test_a_list_costs_the_same_with_many_rows(self, cast: Cast, path: str) -> None:
        browsers = [signed_in(cast.alice), signed_in(cast.bob)]
        costs = []
        for _ in range(2):
            for _ in range(3):
                make.submit(cast.alice)
                live(cast.alice, cast.bob)
                live(cast.bob, cast.grace)
            for browser in browsers:
                with CaptureQueriesContext(connection) as captured:
                    assert browser.get(path).status_code == 200
                costs.append(len(captured))

        assert costs[:2] == costs[2:]
        assert max(costs) <= BUDGET, costs

    def test_a_detail_is_cheap_enough(self, cast: Cast) -> None:
        pending, grant = make.submit(cast.alice), live(cast.alice, cast.bob)
        bob, alice = signed_in(cast.bob), signed_in(cast.alice)

        for browser, path in ((bob, f"/approvals/{pending.pk}/"), (alice, f"/access/{grant.pk}/")):
            with CaptureQueriesContext(connection) as captured:
                assert browser.get(path).status_code == 200
            assert len(captured) <= DETAIL
