"""A small mark of everything live that a person may see: by which names it differs from the mark before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db.models import Count, Max

from accessrequests.models import AccessRequest, Grant
from accessrequests.queries import access_requests
from accessrequests.queries.belonging import Belonging

MOST = 50

Marks = Mapping[str, tuple[object, ...]]


def marks_of(belonging: Belonging) -> Marks:
    """By name: `approvals`, `request-7`, `grant-7`. The marks stay on the server; only names ever leave it."""
    person = belonging.person
    waiting = access_requests.waiting_for(belonging)
    counted = waiting.aggregate(count=Count("pk"), newest=Max("pk"))
    marks: dict[str, tuple[object, ...]] = {"approvals": (counted["count"], counted["newest"])}
    requests = AccessRequest.objects.filter(requester=person).order_by("-pk")
    for number, *mark in requests.values_list("pk", "state", "revision")[:MOST]:
        marks[f"request-{number}"] = tuple(mark)
    grants = Grant.objects.filter(holder__in=[person.pk, *person.service_ids]).order_by("-pk")
    columns = ("pk", "state", "attempt", "expires_at", "cut_at", "last_error", "waits_for", "credential__state")
    for number, *mark in grants.values_list(*columns)[:MOST]:
        marks[f"grant-{number}"] = tuple(mark)
    return marks


def changed(before: Marks, after: Marks) -> Iterable[str]:
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
