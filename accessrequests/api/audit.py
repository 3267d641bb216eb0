"""Read, export and check the audit trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from accessrequests.api.documenting import documented, page
from accessrequests.api.endpoint import Endpoint, filters_of, person_of
from accessrequests.api.filters import AuditFilters, AuditPageFilters
from accessrequests.api.pagination import page_of
from accessrequests.api.shapes.audit import AuditEventShape, VerifyShape
from accessrequests.domain import chain
from accessrequests.domain.events import Via
from accessrequests.models import AuditEvent, Person
from accessrequests.operations import trail
from accessrequests.operations.refusals import Refused
from accessrequests.queries import audit, people

TAG = "Audit"
COMPLETENESS = "Export-Completeness"


def matching(person: Person, filters: Mapping[str, Any]) -> QuerySet[AuditEvent]:
    """The events that this person may see, narrowed."""
    found = audit.visible_to(person)
    if "subject" in filters:
        found = found.filter(subject__in=audit.about(filters["subject"]))
    if "actor" in filters:
        found = found.filter(actor=filters["actor"])
    event = filters.get("event", "")
    if event.endswith(".*"):
        found = found.filter(event__startswith=event.removesuffix("*"))
    elif event:
        found = found.filter(event=event)
    return found.filter(at__gte=filters["since"]) if "since" in filters else found


def shown(events: Sequence[AuditEvent]) -> list[dict[str, Any]]:
    return [{"id": event.sequence, **audit.shown_with_hash(event)} for event in events]


class AuditEvents(Endpoint):
    """The trail, by the page."""

    scopes = {"GET": "audit"}

    @documented(
        scope="audit",
        operation_id="audit_events_list",
        tag=TAG,
        summary="List audit events",
        description="Auditors and administrators see all; others what they did, and what was done to requests and "
        "grants of theirs. Newest first.",
        answers={200: page("AuditEventPage", AuditEventShape)},
        filters=AuditPageFilters,
    )
    def get(self, request: Request) -> Response:
        found = matching(person_of(request), filters_of(request, AuditPageFilters))
        return page_of(found, request, shown, key="sequence")


class ExportAuditEvents(Endpoint):
    """The trail as a file."""

    scopes = {"GET": "audit"}

    @documented(
        scope="audit",
        operation_id="audit_events_export",
        tag=TAG,
        summary="Export audit events",
        description="JSON Lines, oldest first. An export without filters by somebody who sees all is `full`: it can "
        "be checked offline with `python3 chain.py EXPORT.jsonl [ANCHORS.jsonl]`. Any other one lacks events, so its "
        f"chain cannot be checked; it says so: the header `{COMPLETENESS}` is `partial`, and so is the file's name. "
        "That it was taken is an event itself, which the next export has.",
        answers={(200, "application/jsonl"): OpenApiResponse(OpenApiTypes.STR, description="One event a line.")},
        filters=AuditFilters,
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        person, filters = person_of(request), filters_of(request, AuditFilters)
        completeness = "full" if people.may_audit(person) and not filters else "partial"
        narrowed = {name: str(value) for name, value in filters.items()}
        up_to = trail.note_export(written="jsonl", narrowed=narrowed, person=person, via=Via.API)
        found = matching(person, filters).filter(sequence__lte=up_to)
        answer = StreamingHttpResponse(audit.export(found), content_type="application/jsonl")
        answer[COMPLETENESS] = completeness
        answer["Content-Disposition"] = f'attachment; filename="audit-events-{completeness}.jsonl"'
        return answer


class VerifyAuditEvents(Endpoint):
    """The check."""

    scopes = {"GET": "audit"}

    @documented(
        scope="audit",
        operation_id="audit_events_verify",
        tag=TAG,
        summary="Check the audit trail",
        description="Walks the whole trail and holds it against every anchor outside the database. For auditors and "
        "administrators.",
        answers={200: VerifyShape},
        problems=["refused"],
    )
    def get(self, request: Request) -> Response:
        if not people.may_audit(person_of(request)):
            raise Refused("Only auditors and administrators can check the audit trail. Ask one of them.")
        try:
            report = audit.verify()
        except audit.UntrueAnchor as error:
            report = chain.Report(0, chain.GENESIS, None, chain.FirstBad(1, str(error)))
            return Response(_verified(report, first_bad_id=None))
        first_bad = report.first_bad.sequence if report.first_bad else None
        return Response(_verified(report, first_bad_id=first_bad))


def _verified(report: chain.Report, *, first_bad_id: int | None) -> dict[str, Any]:
    anchor, bad = report.anchor, report.first_bad
    return {
        "ok": report.ok,
        "checked": report.checked,
        "head": report.head,
        "anchor": {"sequence": anchor.sequence, "at": anchor.at} if anchor else None,
        "first_bad": {"sequence": bad.sequence, "id": first_bad_id, "why": bad.why} if bad else None,
    }
