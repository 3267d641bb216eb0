"""Guards that stored text stays text: whatever people, targets and providers wrote, on every page, in JSON, CSV and tables."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, AuditEvent, Grant, Inventory, OutboxMessage, Person, Target
from accessrequests.operations import access_requests, grants, people
from tests import make
from tests.make import Cast
from tests.reviews import stand_there, start
from tests.web.addresses import address_of, objects_of, routes
from tests.web.browser import signed_in, text_of
from tests.web.grants import live

PLANTED = {
    "markup": "<script>alert(1)</script>\"><img src=x onerror=alert(2)>--><svg/onload=alert(4)><!--' autofocus onfocus=a x='",
    "formula": "=cmd|' /C calc'!A0 {{7777*7777}}{% debug %}${7777*7777}#{7777*7777} javascript:alert(5)",
    "marks": "@SUM(1)\r\nBcc: thief@evil.example\r\nSet-Cookie: a=b safe\u202etxet\u2066 \u200b\u0007\u001b[31m",
    "endless": "W" * 190,
}
REACHED = str(7777 * 7777)  # no template of any kind works it out


class Dangers(HTMLParser):
    """What a browser would find to run or to fetch on a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in {"iframe", "object", "embed", "base"} or (tag == "script" and not _is_ours(given)):
            self.found.append(f"<{tag}> {given}")
        for name, value in given.items():
            runs = name.startswith("on") or name == "style" or "srcdoc" in name
            leads = name in {"href", "src", "action", "formaction"} and not _is_at_home(value)
            if runs or leads:
                self.found.append(f"{name}={value}")


def _is_ours(given: dict[str, str]) -> bool:
    return given.get("src", "").startswith("/static/") or given.get("type") == "application/json"


def _is_at_home(value: str) -> bool:
    if value.startswith("data:image/svg+xml;base64,"):
        return True  # drawn here, as a picture: what is in a picture does not run
    return not value or (value.startswith(("/", "#", "?")) and not value.startswith(("//", "/\\")))


def plant(cast: Cast, evil: str) -> dict[str, object]:
    """The text in every place that somebody else fills: the objects that hold it."""
    evil = evil[:190]
    label = re.sub(r"[^!-~]|[@.]", "", evil)  # no role is read that has hidden marks, or what would split its name
    pending, grant = make.submit(cast.alice), live(cast.alice, cast.bob)
    denied, revoked = make.submit(cast.alice), live(cast.alice, cast.bob)
    access_requests.comment(access_request_id=pending.pk, person=cast.bob, via=Via.WEB, text="Which ones?")
    access_requests.deny(access_request_id=denied.pk, approver=cast.bob, via=Via.WEB, revision=1, reason="No.")
    grants.revoke(grant_id=revoked.pk, person=cast.bob, via=Via.WEB, reason="Over.")
    grants.note_revocation_failure(grant_id=revoked.pk, sentence=evil)
    token, _ = people.create_token(person=cast.alice, name=evil[:100], scopes=["read"], actor=make.OPERATOR)
    # What an older version, an import or a hand in the database may have left, and no form of today takes.
    Person.objects.update(name=evil)
    Target.objects.update(name=evil, owner=evil[:64], data_classes=[evil])
    for one in AccessRequest.objects.all():
        one.reason = one.ticket = evil
        one.roles = ["read@shop.orders", f"{label}@shop"]
        one.privileges = {**one.privileges, f"{label}@shop": one.privileges["read@shop.orders"]}
        one.save()
    Grant.objects.update(note=evil, last_error=evil)
    OutboxMessage.objects.update(last_error=evil)
    for inventory in Inventory.objects.all():
        inventory.roles = {**inventory.roles, f"{label}@shop": inventory.roles["read@shop"]}
        inventory.databases = {"shop": {label: {"documents": 1, "bytes": 1}, "orders": {}}}
        inventory.save()
    last = AuditEvent.objects.order_by("-sequence")[0]
    facts = {"text": evil, "why": evil, "comment": evil, "reason": evil, "target": evil, "name": evil, evil: evil}
    AuditEvent.objects.bulk_create(
        AuditEvent(
            sequence=last.sequence + number,
            at=last.at,
            event=event,
            actor=evil[:64],
            via="api",
            subject=subject,
            facts=facts,
            previous=last.hash,
            hash=last.hash,
        )
        for number, (event, subject) in enumerate(
            [
                ("access_request.commented", str(pending)),
                ("access_request.denied", str(pending)),
                ("grant.attempt_failed", str(grant)),
                ("target.unreachable", "target/shop-prod"),
                ("token.created", "person/alice"),
            ],
            start=1,
        )
    )
    return objects_of(grant=grant, request_id=pending.pk, token=token)


class TestPages:
    @pytest.mark.parametrize("kind", PLANTED)
    def test_run_and_fetch_nothing_of_it(self, cast: Cast, kind: str) -> None:
        evil = PLANTED[kind]
        objects = plant(cast, evil)
        seen = 0
        for name in ("alice", "bob", "erin"):
            browser = signed_in(getattr(cast, name))
            for path in [*(address_of(route, objects) for route in routes()), *QUESTIONS]:
                answer = browser.get(path.format(evil=""), query_params={"q": evil} if "search" in path else None)
                if "html" not in answer.get("Content-Type", ""):
                    continue
                page = text_of(answer)
                assert not Dangers(page).found, (name, path)
                assert evil not in page or not re.search(r"[<>\"']", evil), (name, path)
                assert REACHED not in page, (name, path)
                assert "Set-Cookie: a" not in str(answer.headers), (name, path)
                assert not re.search("[\u0007\u001b\u202e\u2066]", page), (name, path)
                seen += "alert(1)" in page or kind != "markup"
        assert seen > 10, "it is shown, and harmless"

    @pytest.mark.parametrize("kind", PLANTED)
    def test_answer_forms_full_of_it_harmlessly(self, cast: Cast, kind: str) -> None:
        evil = PLANTED[kind]
        objects = plant(cast, "Fine.")
        names = ("reason", "comment", "text", "ticket", "roles", "role", "target", "duration", "name", "login", "next")

        for route in routes():
            for person in (cast.alice, None):
                client = Client()
                if person is not None:
                    client.force_login(person)
                answer: Any = client.post(address_of(route, objects), dict.fromkeys(names, evil))
                assert answer.status_code < 500, route
                assert not Dangers(text_of(answer)).found, route


QUESTIONS = (
    "/request/?target=shop-prod&role=read@shop.orders",
    "/search/",
    "/audit/?actor=alice",
)


class TestTables:
    @pytest.mark.parametrize("kind", ["markup", "marks"])
    def test_of_administrators_are_harmless(self, cast: Cast, kind: str) -> None:
        plant(cast, PLANTED[kind])
        browser = signed_in(cast.erin)

        for model in (Person, Target, AccessRequest, Grant, AuditEvent, OutboxMessage):
            table = f"/admin/accessrequests/{model._meta.model_name}/"
            row = model._default_manager.order_by("-pk")[0]
            for path in (table, f"{table}{row.pk}/change/", f"{table}?q=%3Cscript%3E"):
                page = text_of(browser.get(path, follow=True))
                assert "<script>alert" not in page, path
                assert "<img src=x" not in page, path


class TestData:
    @pytest.mark.parametrize("kind", PLANTED)
    def test_in_json_is_text_that_no_page_runs(self, cast: Cast, kind: str) -> None:
        evil = PLANTED[kind]
        plant(cast, evil)
        _, secret = people.create_token(
            person=cast.erin, name="all", scopes=["read", "audit", "admin"], actor=make.OPERATOR
        )
        for path in ("access-requests/", "grants/", "audit-events/", "targets/", "targets/shop-prod/roles/"):
            answer = Client().get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {secret}"})
            assert answer.status_code == 200, path
            assert answer["Content-Type"].startswith("application/json"), path
            assert answer["X-Content-Type-Options"] == "nosniff", path
            json.loads(answer.content)

    @pytest.mark.parametrize("kind", PLANTED)
    @pytest.mark.parametrize("route", [route for route in routes() if "export" in route])
    def test_in_a_sheet_is_no_formula(self, cast: Cast, route: str, kind: str) -> None:
        plant(cast, PLANTED[kind])
        stand_there()
        path = address_of(route, {"review": start(cast.erin).pk})

        browser = signed_in(cast.erin)
        answer: Any = browser.get(path, query_params={"format": "csv"})
        if answer.status_code == 405:  # taking the audit trail away is itself recorded, so it is a button
            answer = browser.post(path, format="csv")

        assert answer.status_code == 200
        assert "attachment" in answer["Content-Disposition"]
        sheet = b"".join(answer.streaming_content) if answer.streaming else answer.content
        cells = [cell for row in csv.reader(io.StringIO(sheet.decode("utf-8-sig"))) for cell in row]
        assert len(cells) > 10
        assert not [cell for cell in cells if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} and not cell[1:].isdigit()]
