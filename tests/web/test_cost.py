"""Guards what a page costs the database: at most twelve questions, with 10,000 requests and 1,000 live grants."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accessrequests.models import AccessRequest, Grant
from accessrequests.operations import people
from accessrequests.queries import audit
from bench import crowd
from tests import make, reviews
from tests.make import Cast
from tests.web.addresses import address_of, objects_of, routes
from tests.web.browser import Browser, signed_in
from tests.web.grants import live

BUDGET = 12
# Health and Slack's set-up are no lists and no details: they gather what a dozen tables say, each in one question.
GATHERED = {"/health/": 17, "/settings/slack/": 18}
PART = "HX-Request"
# Whoever has no part in anything finds what alice finds, with less on it. A part is a piece of what dave sees as erin does.
PEOPLE = ("alice", "bob", "dave", "erin")
LOOK_AT_PARTS = {"alice", "bob", "erin"}
# Addresses that are one page with several faces.
ASKED_LIKE = {
    "request/": ["?target=shop-prod", "?target=shop-prod&role=read@shop.orders"],
    "search/": ["?q=orders", "?q=alice", "?q=jit-crowd-0000"],
    "approvals/": ["?show=decided", "?show=all", "?show=live", "?show=live&page=2"],
    "access/": ["?page=2"],
    "history/": ["?page=2", "?state=denied"],
    "policies/": ["?target=shop-prod&role=read@shop.orders&length=PT2H"],
    "audit/": ["?actor=alice", "?event=access_request.submitted", "?page=2"],
}
# Not a page: it streams, writes every row, or walks the whole chain because that is what it is asked for.
WHOLE = {"audit/export/", "audit/verify/", "history/export/"}


def house(cast: Cast) -> list[dict[str, object]]:
    """A lived-in house, and the objects that a look at it may name: one's own, a live one, one that has ended."""
    pending, grant = make.submit(cast.alice), live(cast.alice, cast.bob)
    token, _ = people.create_token(person=cast.alice, name="laptop", scopes=["read"], actor=make.OPERATOR)
    with connection.cursor() as cursor:
        crowd.fill(cursor, pending_id=pending.pk, grant_id=grant.pk)
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'accessrequests_accessrequest'::regclass")
        assert cursor.fetchall()[0][0] >= crowd.REQUESTS, "The planner knows."
    ended = Grant.objects.filter(state="revoked").order_by("pk")[0]
    review = reviews.start(cast.erin)
    one = objects_of(grant=grant, request_id=pending.pk, token=token, review=review)
    other = objects_of(grant=ended, request_id=ended.access_request_id, token=token)
    return [one, other, {**one, "request": grant.access_request_id}]


@pytest.mark.usefixtures("planner")  # before `cast`, whose transaction must be over when this ends
class TestCost:
    @pytest.mark.timeout(300)
    def test_of_every_page_stays_within_twelve_questions(self, cast: Cast) -> None:
        """One test for everybody: so many rows take longer to make than all the pages together."""
        objects = house(cast)
        assert AccessRequest.objects.count() == crowd.REQUESTS + 2
        assert Grant.objects.filter(state="active").count() == crowd.LIVE + 1
        assert audit.verify().first_bad is None, "It is measured on a trail that holds."

        everywhere = sorted(paths(objects))
        too_dear: dict[tuple[str, ...], int] = {}
        for name in PEOPLE:
            browser = signed_in(getattr(cast, name))
            looks = {path: look(browser, path) for path in everywhere}
            # Where there is nothing but a form to send, the others need not look as well.
            everywhere = [path for path in everywhere if looks[path][0] != HTTPStatus.METHOD_NOT_ALLOWED]
            pages: dict[tuple[str, ...], int] = {
                (path,): cost for path, (status, cost) in looks.items() if status == HTTPStatus.OK
            }
            assert pages.keys() >= {("/access/",), ("/request/",)}, name
            parts = pages if name in LOOK_AT_PARTS else ()
            costs = pages | {(*page, PART): look(browser, page[0], headers={PART: "true"})[1] for page in parts}
            too_dear |= {(name, *one): cost for one, cost in costs.items() if cost > GATHERED.get(one[0], BUDGET)}

        assert not too_dear


def look(browser: Browser, path: str, headers: dict[str, str] | None = None) -> tuple[int, int]:
    """What it answers, and how many questions that asks. How long it takes is measured by the bench."""
    asked = []

    def ask(execute: Any, *question: Any) -> Any:
        asked.append(question[0])
        return execute(*question)

    with connection.execute_wrapper(ask):
        answer: Any = browser.get(path, headers=headers)
    return answer.status_code, len(asked)


def paths(objects: list[dict[str, object]]) -> set[str]:
    """Every address of the portal for each set of objects, and the faces of some."""
    plain = {address_of(route, one) for route in routes() if route not in WHOLE for one in objects}
    faces = {f"/{route}{ask}" for route, asks in ASKED_LIKE.items() if route in routes() for ask in asks}
    return plain | faces


@pytest.mark.parametrize(
    "path", ["/approvals/", "/access/", "/tokens/", "/request/?target=shop-prod", "/history/export/"]
)
def test_a_list_costs_the_same_with_many_rows(cast: Cast, path: str) -> None:
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
