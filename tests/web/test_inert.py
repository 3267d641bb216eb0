"""Guards that stored text stays text: in forms that are sent back, in JSON, CSV and tables. The pages: test_every_page.py."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from accessrequests.models import AccessRequest, AuditEvent, Grant, OutboxMessage, Person, Target
from accessrequests.operations import people
from tests import make
from tests.make import Cast
from tests.reviews import stand_there, start
from tests.web.addresses import address_of, routes
from tests.web.browser import signed_in, text_of
from tests.web.hostile import EVERYTHING, SEEN, UNSEEN, Dangers, plant

NAMES = ("reason", "comment", "text", "ticket", "roles", "role", "target", "duration", "name", "login", "next")
kinds = pytest.mark.parametrize("evil", [SEEN, UNSEEN], ids=["seen", "unseen"])


@kinds
def test_forms_full_of_it_are_answered_harmlessly(cast: Cast, evil: str) -> None:
    objects = plant(cast, "Fine.")
    filled = dict.fromkeys(NAMES, evil) | {"name": evil[:90]}

    for route in routes():
        for person in (cast.alice, None):
            client = Client()
            if person is not None:
                client.force_login(person)
            answer: Any = client.post(address_of(route, objects), filled)
            assert answer.status_code < 500, route
            assert not Dangers(text_of(answer)).found, route


def test_tables_of_administrators_are_harmless(cast: Cast) -> None:
    plant(cast, EVERYTHING)
    browser = signed_in(cast.erin)

    for model in (Person, Target, AccessRequest, Grant, AuditEvent, OutboxMessage):
        table = f"/admin/accessrequests/{model._meta.model_name}/"
        row = model._default_manager.order_by("-pk")[0]
        for path in (table, f"{table}{row.pk}/change/", f"{table}?q=%3Cscript%3E"):
            page = text_of(browser.get(path, follow=True))
            assert "<script>alert" not in page, path
            assert "<img src=x" not in page, path


def test_json_is_text_that_no_page_runs(cast: Cast) -> None:
    plant(cast, EVERYTHING)
    _, secret = people.create_token(
        person=cast.erin, name="all", scopes=["read", "audit", "admin"], actor=make.OPERATOR
    )
    for path in ("access-requests/", "grants/", "audit-events/", "targets/", "targets/shop-prod/roles/"):
        answer = Client().get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == 200, path
        assert answer["Content-Type"].startswith("application/json"), path
        assert answer["X-Content-Type-Options"] == "nosniff", path
        json.loads(answer.content)


@kinds
@pytest.mark.parametrize("route", [route for route in routes() if "export" in route])
def test_a_sheet_has_no_formula(cast: Cast, route: str, evil: str) -> None:
    plant(cast, evil)
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
