"""Guards the history of one's own: everything that is over, nobody else's, and a file that no spreadsheet runs."""

from __future__ import annotations

import csv
import html
import io

from accessrequests.domain.events import Via
from accessrequests.models import Grant
from accessrequests.operations import access_requests, grants
from tests import make
from tests.make import Cast
from tests.web.browser import signed_in, text_of
from tests.web.grants import gone, live


def ended(cast: Cast) -> Grant:
    grant = live(cast.alice, cast.bob)
    grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)
    return gone(grant)


def deny(cast: Cast, *, reason: str) -> int:
    access_request = make.submit(cast.alice, roles=("read@shop.products",))
    access_requests.deny(access_request_id=access_request.pk, approver=cast.bob, via=Via.API, revision=1, reason=reason)
    return access_request.pk


def page_of(cast: Cast, query: str = "") -> str:
    return html.unescape(text_of(signed_in(cast.alice).get(f"/history/{query}")))


class TestHistory:
    def test_shows_what_is_over_and_how(self, cast: Cast) -> None:
        grant, denied = ended(cast), deny(cast, reason="Staging will do.")
        taken_back = make.submit(cast.alice, roles=("read@shop.payments",))
        access_requests.cancel(access_request_id=taken_back.pk, requester=cast.alice, via=Via.API)
        make.submit(cast.alice, roles=("read@shop.customers",))

        page = page_of(cast)

        for told in ("ended by you", "denied by bob", "Staging will do.", "taken back", "0 s of 2 h"):
            assert told in page, told
        for number in (grant.access_request_id, denied, taken_back.pk):
            assert f"/request/?again={number}" in page
        assert "shop.customers" not in page

    def test_narrows(self, cast: Cast) -> None:
        ended(cast)
        deny(cast, reason="No.")

        assert "shop.orders" not in page_of(cast, "?how=denied")
        assert "shop.products" not in page_of(cast, "?how=ended&target=shop-prod")
        assert "Nothing of that kind" in page_of(cast, "?target=shop-dev")
        assert "Nothing of that kind" in page_of(cast, "?how=nonsense")

    def test_is_nobody_elses(self, cast: Cast) -> None:
        ended(cast)

        for person in (cast.bob, cast.dave, cast.erin):
            assert "Nothing is over yet" in text_of(signed_in(person).get("/history/"))

    def test_pages(self, cast: Cast) -> None:
        numbers = [deny(cast, reason=f"No {number}.") for number in range(26)]

        first = page_of(cast)

        assert f"/history/?before={numbers[1]}" in first
        assert f'?again={numbers[0]}"' not in first
        assert f'?again={numbers[0]}"' in page_of(cast, f"?before={numbers[1]}")
        for nonsense in ("nonsense", "²", "9" * 30):
            assert f'?again={numbers[-1]}"' in page_of(cast, f"?before={nonsense}")


class TestExport:
    def test_no_cell_is_a_formula(self, cast: Cast) -> None:
        deny(cast, reason='=HYPERLINK("http://evil.example")')

        answer = signed_in(cast.alice).get("/history/export/")

        header, row = csv.reader(io.StringIO(text_of(answer)))
        told = dict(zip(header, row, strict=True))
        assert answer["Content-Type"].startswith("text/csv")
        assert told["why"] == '\'=HYPERLINK("http://evil.example")'
        assert told["how"] == "denied by bob"
