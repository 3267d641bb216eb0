"""How many questions pages ask the database, for the person of a session."""

from __future__ import annotations

import json
import os
from http import HTTPStatus

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext


def run(told: str) -> list[int]:
    wanted = json.loads(told)
    browser = Client(headers={"host": os.environ["ACCESS_BASE_URL"].partition("//")[2]})
    browser.cookies["sessionid"] = wanted["session"]
    counted = []
    for path in wanted["paths"]:
        browser.get(path)
        with CaptureQueriesContext(connection) as captured:
            status = browser.get(path).status_code
        if status != HTTPStatus.OK:
            raise RuntimeError(f"{path} answers {status}, so there is nothing to count.")
        counted.append(len(captured))
    return counted
