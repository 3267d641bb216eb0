"""Server-sent events, where an operator wants them: names of what changed, never what it says. Polling is enough without.

Each open stream holds a thread and a database connection of its web process, so there are only as many as
ACCESS_LIVE_STREAMS says; a browser that gets 204 goes on polling. One thread a process LISTENs for all of them.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Generator
from http import HTTPStatus
from typing import Self, cast

import psycopg
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from accessrequests.models import Person
from accessrequests.models.outbox import CHANNEL
from accessrequests.queries import fingerprint
from accessrequests.queries.belonging import belonging_of
from accessrequests.web.pages import me, portal_page

LIFE_SECONDS = 300.0
LOOK_SECONDS = 10.0  # also the keepalive: what no notice tells of is found at this pace
BREATH_SECONDS = 1.0  # between two looks, however much is going on
MOST_OF_ONE = 2  # of one person in one process; their other pages go on polling
RETRY = b"retry: 5000\n\n"
ALIVE = b": still here\n\n"


class Ear:
    """LISTENs in one thread for the whole process, from the first stream on, and comes back when the database does."""

    def __init__(self) -> None:
        self._heard = threading.Condition()
        self._count = 0
        self._thread: threading.Thread | None = None

    @property
    def count(self) -> int:
        return self._count

    def start(self) -> None:
        with self._heard:
            if self._thread is None or not self._thread.is_alive():
                parameters = connection.get_connection_params()
                for unwanted in ("cursor_factory", "context", "prepare_threshold"):
                    parameters.pop(unwanted, None)
                self._thread = threading.Thread(target=self._listen, args=[parameters], name="ear", daemon=True)
                self._thread.start()

    def wait(self, *, since: int, seconds: float) -> int:
        """Until something was heard after `since`, or the time is over."""
        with self._heard:
            self._heard.wait_for(lambda: self._count != since, timeout=seconds)
            return self._count

    def _listen(self, parameters: dict[str, object]) -> None:
        while True:
            try:
                with psycopg.connect(**{**parameters, "autocommit": True}) as listening:  # type: ignore[arg-type]
                    listening.execute(f"LISTEN {CHANNEL}")
                    for _ in listening.notifies():
                        self._tell()
            except psycopg.Error:
                time.sleep(BREATH_SECONDS)

    def _tell(self) -> None:
        with self._heard:
            self._count += 1
            self._heard.notify_all()


class Slots:
    """How many streams this process holds, and for whom: nobody takes them all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = Counter[int]()

    def take(self, person_id: int) -> bool:
        with self._lock:
            is_full = self._taken.total() >= settings.ACCESS_LIVE_STREAMS
            if is_full or self._taken[person_id] >= MOST_OF_ONE:
                return False
            self._taken[person_id] += 1
            return True

    def give_back(self, person_id: int) -> None:
        with self._lock:
            self._taken[person_id] -= 1
            if not self._taken[person_id]:
                del self._taken[person_id]


class Stream:
    """One person's stream. It holds its slot until it is closed, whether or not anybody read from it."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._lines = self._told()
        self._is_open = True

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        return next(self._lines)

    def close(self) -> None:
        self._lines.close()
        if self._is_open:
            self._is_open = False
            SLOTS.give_back(self._person.pk)

    def _told(self) -> Generator[bytes, None, None]:
        yield RETRY
        marks, heard = self._marks(), EAR.count
        ends_at = time.monotonic() + LIFE_SECONDS
        while marks is not None and time.monotonic() < ends_at:
            heard = EAR.wait(since=heard, seconds=LOOK_SECONDS)
            now = self._marks()
            if now is None:
                return
            names = list(fingerprint.changed(marks, now))
            yield b"".join(f"data: {name}\n\n".encode() for name in names) or ALIVE
            marks = now
            time.sleep(BREATH_SECONDS)

    def _marks(self) -> fingerprint.Marks | None:
        """None once the person may no longer sign in, or has signed out everywhere."""
        same = {"pk": self._person.pk, "is_active": True, "session_round": self._person.session_round}
        if not Person.objects.filter(**same).exists():
            return None
        return fingerprint.marks_of(belonging_of(self._person))


EAR = Ear()
SLOTS = Slots()


@portal_page("GET")
def stream(request: HttpRequest) -> HttpResponse:
    if not SLOTS.take(me(request).pk):
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    EAR.start()
    answer = StreamingHttpResponse(Stream(me(request)), content_type="text/event-stream")
    answer["X-Accel-Buffering"] = "no"
    return cast("HttpResponse", answer)  # the frame of pages asks nothing of it that a stream has not
