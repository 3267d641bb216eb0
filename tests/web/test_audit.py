"""Guards the audit page: who sees what, that a filter finds it, that a check is kept, and that a copy is harmless."""

from __future__ import annotations

import csv
import io
import json

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accessrequests.models import AuditEvent
from accessrequests.queries import trail
from accessrequests.web.sheets import FORMULA, inert
from tests import make
from tests.make import Cast
from tests.web.browser import Browser, signed_in, text_of
from tests.web.grants import live


def copy_of(browser: Browser, **typed: str) -> str:
    answer = browser.post("/audit/export/", **typed)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


class TestThePage:
    def test_shows_auditors_everything_in_sentences_and_raw(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)

        text = text_of(signed_in(cast.dave).get("/audit/"))

        newest = AuditEvent.objects.order_by("-sequence")[0]
        assert "The access is live" in text
        assert newest.hash in text
        assert f'href="/access/{grant.pk}/"' in text

    def test_shows_others_what_is_theirs(self, cast: Cast) -> None:
        live(cast.alice, cast.bob)

        text = text_of(signed_in(cast.mallory).get("/audit/"))

        assert "person/mallory" in text
        assert "access_request/" not in text.split("<tbody>")[1].split("</tbody>")[0]
        assert "Check the whole trail" not in text

    @pytest.mark.parametrize(
        ("narrowed", "found", "lost"),
        [
            ("event=grant.*", "grant.activated", ">credential."),
            ("who=bob", "access_request.approval_given", "grant.activated"),
            ("via=worker", "grant.activated", "access_request.approval_given"),
            ("target=shop-prod", "grant.activated", ">policy.published"),
            ("target=shop-dev", ">target.applied", "grant.activated"),
            ("q=bob", "access_request.approval_given", "grant.activated"),
            ("q=Alice+Archer", "access_request.submitted", "grant.activated"),
            ("q=alice", "grant.activated", ">policy.published"),
            ("q=grant", "grant.activated", ">policy.published"),
            ("q=shop-dev", ">target.applied", "grant.activated"),
            ("since=24h", "grant.activated", "No record matches"),
        ],
    )
    def test_narrows(self, cast: Cast, narrowed: str, found: str, lost: str) -> None:
        live(cast.alice, cast.bob)

        text = text_of(signed_in(cast.dave).get(f"/audit/?{narrowed}"))

        body = text.split("<tbody>")[1].split("</tbody>")[0]
        assert found in body
        assert lost not in body

    def test_finds_a_request_with_its_grant_by_number_and_the_user_on_the_target(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        browser = signed_in(cast.erin)

        for text in (f"access_request/{grant.access_request_id}", grant.username, f"{grant.access_request_id}"):
            found = text_of(browser.get("/audit/", data={"q": text}))
            assert "access_request.submitted" in found, text
            assert "grant.activated" in found, text

    def test_nothing_found_says_so(self, cast: Cast) -> None:
        text = text_of(signed_in(cast.dave).get("/audit/?q=no-such-thing&before=x"))

        assert "No record matches" in text

    def test_pages_backwards(self, cast: Cast) -> None:
        for _ in range(20):
            make.submit(cast.alice)
        head = AuditEvent.objects.count()
        browser = signed_in(cast.dave)

        text = text_of(browser.get("/audit/"))
        older = text_of(browser.get(f"/audit/?before={head - 24}"))

        assert f"/audit/?before={head - 24}" in text
        assert f"/audit/{head - 24}/" in text
        assert f"/audit/{head - 24}/" not in older
        assert f"/audit/{head - 25}/" in older

    def test_one_record_has_a_page_for_whom_it_concerns(self, cast: Cast) -> None:
        make.submit(cast.alice)
        head = AuditEvent.objects.count()

        answers = [signed_in(one).get(f"/audit/{head}/").status_code for one in (cast.alice, cast.dave, cast.mallory)]

        assert answers == [200, 200, 404]

    def test_costs_the_same_with_many_rows(self, cast: Cast) -> None:
        costs = []
        for _ in range(2):
            live(cast.alice, cast.bob)
            for browser in (signed_in(cast.dave), signed_in(cast.alice)):
                with CaptureQueriesContext(connection) as captured:
                    assert browser.get("/audit/?q=alice&target=shop-prod").status_code == 200
                costs.append(len(captured))
        assert costs[:2] == costs[2:]
        assert max(costs) <= 12, costs


class TestVerify:
    def test_keeps_what_was_found(self, cast: Cast) -> None:
        make.submit(cast.alice)
        browser, checked = signed_in(cast.dave), AuditEvent.objects.count()
        assert "Nobody has checked" in text_of(browser.get("/audit/"))

        answer = browser.press("/audit/", action="/audit/verify/")

        assert (answer.status_code, answer["Location"]) == (303, "/audit/")
        kept = AuditEvent.objects.get(event="audit.verified")
        assert (kept.actor, kept.facts["ok"], kept.facts["checked"]) == ("dave", True, checked)
        text = text_of(browser.get("/audit/"))
        assert f"Chain intact up to record {checked}." in text
        assert "order only" in text

    def test_is_not_for_everybody(self, cast: Cast) -> None:
        for person in (cast.alice, cast.bob, cast.mallory):
            assert signed_in(person).post("/audit/verify/").status_code == 403
        assert not AuditEvent.objects.filter(event="audit.verified").exists()

    def test_a_broken_chain_is_red(self, committed_cast: Cast, owner_connection: psycopg.Connection) -> None:
        owner_connection.execute("SET session_replication_role = replica")
        owner_connection.execute("UPDATE accessrequests_auditevent SET actor = 'mallory' WHERE sequence = 3")
        browser = signed_in(committed_cast.erin)

        browser.press("/audit/", action="/audit/verify/")

        text = text_of(browser.get("/audit/"))
        assert "The chain is broken at record 3." in text
        check = trail.last_check()
        assert check is not None
        assert check.facts["broken_at"] == 3


class TestExport:
    def test_is_what_the_filter_finds_and_is_kept(self, cast: Cast) -> None:
        live(cast.alice, cast.bob)

        lines = [json.loads(line) for line in copy_of(signed_in(cast.dave), event="grant.*").splitlines()]

        assert {line["event"].partition(".")[0] for line in lines} == {"grant"}
        assert [line["sequence"] for line in lines] == sorted(line["sequence"] for line in lines)
        kept = AuditEvent.objects.get(event="audit.exported")
        assert kept.facts["narrowed"] == {"event": "grant.*"}
        assert kept.facts["written"] == "jsonl"

    def test_a_full_one_ends_before_itself(self, cast: Cast) -> None:
        head = AuditEvent.objects.count()

        assert len(copy_of(signed_in(cast.erin)).splitlines()) == head
        assert AuditEvent.objects.count() == head + 1

    def test_of_others_holds_what_is_theirs(self, cast: Cast) -> None:
        make.submit(cast.alice)

        lines = copy_of(signed_in(cast.mallory)).splitlines()

        assert {json.loads(line)["subject"] for line in lines} == {"person/mallory"}

    def test_as_csv_no_cell_is_a_formula(self, cast: Cast) -> None:
        make.submit(cast.alice, reason="=cmd|' /C calc'!A0 and more")

        rows = list(csv.reader(io.StringIO(copy_of(signed_in(cast.dave), written="csv"))))

        assert rows[0][:3] == ["sequence", "at", "event"]
        assert any("=cmd|" in cell for row in rows for cell in row)
        assert not any(cell.startswith(FORMULA) for row in rows for cell in row)

    @pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
    def test_cells_are_made_inert(self, cell: str) -> None:
        assert inert(cell) == f"'{cell}"
        assert inert("plain") == "plain"
