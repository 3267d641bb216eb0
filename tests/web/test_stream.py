"""Guards server-sent events: names only, one's own only, no more than there are slots, over a real gunicorn."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse

import pytest
from django.db import connection
from pytest_django import Settings

from accessrequests.models import Person
from accessrequests.queries import fingerprint
from accessrequests.queries.belonging import belonging_of
from accessrequests.web import stream
from tests import make
from tests.make import Cast
from tests.web.browser import signed_in
from tests.web.grants import live

SLOTS = 1


class TestFingerprint:
    def test_names_what_changed_and_nothing_of_others(self, cast: Cast) -> None:
        before = {person.pk: fingerprint.marks_of(belonging_of(person)) for person in (cast.alice, cast.bob, cast.dave)}

        grant = live(cast.alice, cast.bob)
        make.submit(cast.alice)

        def names_for(person: Person) -> list[str]:
            return [*fingerprint.changed(before[person.pk], fingerprint.marks_of(belonging_of(person)))]

        newest = grant.access_request_id + 1
        assert names_for(cast.alice) == sorted(
            [f"grant-{grant.pk}", f"request-{grant.access_request_id}", f"request-{newest}"]
        )
        assert names_for(cast.bob) == ["approvals"]
        assert names_for(cast.dave) == []


class TestStream:
    def test_is_off_unless_an_operator_wants_it(self, cast: Cast) -> None:
        assert signed_in(cast.alice).get("/stream/").status_code == 204

    def test_gives_its_slot_back_even_when_nobody_read(self, cast: Cast, settings: Settings) -> None:
        settings.ACCESS_LIVE_STREAMS = SLOTS
        assert stream.SLOTS.take(1)
        assert not stream.SLOTS.take(2)

        stream.Stream(cast.alice).close()

        assert stream.SLOTS.take(1)
        stream.SLOTS.give_back(1)

    def test_one_person_never_takes_them_all(self, cast: Cast, settings: Settings) -> None:
        settings.ACCESS_LIVE_STREAMS = 8
        slots = stream.Slots()
        assert [slots.take(1) for _ in range(3)] == [True, True, False]
        assert slots.take(2)
        slots.give_back(1)
        assert slots.take(1)


@pytest.fixture
def gunicorn(committed_cast: Cast) -> Iterator[int]:
    """One real web process with a slot for one stream."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    database = connection.get_connection_params()
    address = (
        f"postgres://{database['user']}:{database.get('password', '')}@{database['host']}:{database['port']}"
        f"/{database['dbname']}"
    )
    environment = {**os.environ, "DATABASE_URL": address, "ACCESS_LIVE_STREAMS": str(SLOTS), "ACCESS_ROLE": "web"}
    command = [sys.executable, "-m", "gunicorn", "accessrequests.wsgi:application", "-k", "gthread"]
    command += [f"--bind=127.0.0.1:{port}", "--workers=1", "--threads=4", "--graceful-timeout=1", "--no-control-socket"]
    web = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        web.terminate()
        web.wait(timeout=10)


def opened(port: int, person: Person) -> tuple[HTTPConnection, HTTPResponse]:
    cookie = signed_in(person).client.cookies["sessionid"].value
    asking = HTTPConnection("127.0.0.1", port, timeout=20)
    asking.request("GET", "/stream/", headers={"Cookie": f"sessionid={cookie}", "Host": "testserver"})
    return asking, asking.getresponse()


class TestOverGunicorn:
    def test_sends_names_and_is_full_after_one(self, committed_cast: Cast, gunicorn: int) -> None:
        asking, first = opened(gunicorn, committed_cast.bob)
        assert (first.status, first.readline()) == (200, b"retry: 5000\n")
        assert first.headers["Content-Type"] == "text/event-stream"
        assert first.headers["Cache-Control"] == "no-store"
        other, second = opened(gunicorn, committed_cast.alice)
        assert second.status == 204
        other.close()

        time.sleep(0.5)
        make.submit(committed_cast.alice)

        told = [first.readline() for _ in range(2)]
        assert told == [b"\n", b"data: approvals\n"]
        asking.close()
