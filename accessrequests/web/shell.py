"""The frame around every page: where one can go, what waits there, and how the person wants to see it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Count, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from accessrequests.models import Person
from accessrequests.models.people import GroupRole
from accessrequests.queries import access_requests, health
from accessrequests.web.whoami import KNOWN_WAITING, belonging

THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation."""

    words: str
    short: str
    icon: str
    address: str
    is_here: bool
    count: int = 0


def _number_of(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.order_by().annotate(all=Value(1)).values("all").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted), 0)


class Shell:
    """Worked out only when a template asks, once a page."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @property
    def theme(self) -> str:
        chosen = self._request.COOKIES.get("theme", "")
        return chosen if chosen in THEMES else ""

    @cached_property
    def person(self) -> Person | None:
        user = getattr(self._request, "user", None)
        return user if isinstance(user, Person) else None

    @cached_property
    def waiting(self) -> int:
        """How many requests wait for this person's decision."""
        known = self._request.__dict__.get(KNOWN_WAITING)
        if isinstance(known, int) or self.person is None:
            return known or 0
        return self._counts[0]

    @cached_property
    def _roles(self) -> frozenset[GroupRole]:
        return belonging(self._request).roles if self.person else frozenset()

    @cached_property
    def overdue(self) -> int:
        """How many accesses may still work past their end: administrators see it on every page."""
        return self._counts[1] if GroupRole.ADMINISTRATOR in self._roles else 0

    @cached_property
    def _counts(self) -> tuple[int, int]:
        """What waits for this person and, for administrators, what is overdue: one question on every page."""
        if self.person is None:
            return 0, 0
        waiting = access_requests.waiting_for(belonging(self._request))
        if GroupRole.ADMINISTRATOR not in self._roles:
            return waiting.count(), 0
        found = Person.objects.filter(pk=self.person.pk).values_list(_number_of(waiting), health.overdue_number())
        waits, late = found.get()
        return waits, late

    @cached_property
    def main(self) -> list[Place]:
        """What everybody does; on a phone, the bar at the bottom."""
        return self._places(
            ("ask", "Request access", "Request", "plus", 0),
            ("access", "My access", "Mine", "key", 0),
            ("approvals", "Approvals", "Approvals", "inbox", self.waiting),
            ("break-glass", "Break glass", "Break glass", "bolt", 0),
            ("history", "History", "History", "clock", 0),
        )

    @cached_property
    def reading(self) -> list[Place]:
        return self._places(
            ("targets", "Targets", "Targets", "database", 0),
            ("policies", "Policies", "Policies", "sliders", 0),
            ("access-reviews", "Access reviews", "Reviews", "shield", 0),
        )

    @cached_property
    def oversight(self) -> list[Place]:
        """For those who watch over it all."""
        if not self._roles & {GroupRole.AUDITOR, GroupRole.ADMINISTRATOR}:
            return []
        places = self._places(
            ("dashboard", "Dashboard", "Dashboard", "chart", 0),
            ("audit", "Audit", "Audit", "list", 0),
            ("health", "Health", "Health", "pulse", 0),
        )
        if GroupRole.ADMINISTRATOR in self._roles:
            places += self._places(
                ("people", "People", "People", "users", 0),
                ("slack-setup", "Slack", "Slack", "chat", 0),
                ("admin:index", "Tables", "Tables", "code", 0),
            )
        return places

    def _places(self, *entries: tuple[str, str, str, str, int]) -> list[Place]:
        places = []
        for name, words, short, icon, count in entries:
            try:
                address = reverse(name)
            except NoReverseMatch:
                continue
            places.append(Place(words, short, icon, address, self._request.path.startswith(address), count))
        return places


def shell(request: HttpRequest) -> dict[str, Any]:
    """For templates, as a context processor."""
    return {"shell": Shell(request)}
