"""What other programs are told of an event: its facts, and the request and the access that it is about."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from accessrequests.domain import sentences
from accessrequests.domain.events import Event
from accessrequests.domain.window import format_duration, format_moment
from accessrequests.models import AccessRequest, AuditEvent, BreakGlass, Grant
from accessrequests.queries import access_requests


def data_of(told: AuditEvent, event: Event) -> dict[str, Any]:
    """No secret is in it: none is ever among the facts of the audit trail."""
    data: dict[str, Any] = {
        "sequence": told.sequence,
        "actor": told.actor,
        "via": told.via,
        "sentence": sentences.timeline(event, actor=told.actor, facts=told.facts),
        "facts": told.facts,
    }
    if told.subject.partition("/")[0] not in {"access_request", "grant"}:
        return data
    access_request = access_requests.of_subject(told.subject)
    grant: Grant | None = getattr(access_request, "grant", None)
    broken: BreakGlass | None = getattr(access_request, "break_glass", None)
    data["access_request"] = _request(access_request)
    if grant is not None:
        data["grant"] = _grant(grant)
    if broken is not None:
        data["break_glass"] = _broken(broken)
    return data


def _request(access_request: AccessRequest) -> dict[str, Any]:
    length = access_request.approved_duration or access_request.duration
    return {
        "id": access_request.pk,
        "url": f"{settings.ACCESS_BASE_URL}/requests/{access_request.pk}/",
        "title": access_requests.title_of(access_request),
        "state": access_request.state,
        "is_break_glass": access_request.is_break_glass,
        "target": access_request.target.slug,
        "environment": access_request.target.environment,
        "requester": access_request.requester.username,
        "beneficiary": access_request.beneficiary.username,
        "roles": access_request.roles,
        "level": access_request.level,
        "duration": format_duration(length),
        "reason": access_request.reason,
        "ticket": access_request.ticket,
    }


def _grant(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.pk,
        "url": f"{settings.ACCESS_BASE_URL}/access/{grant.pk}/",
        "state": grant.state,
        "username": grant.login,
        "expires_at": format_moment(grant.expires_at) if grant.expires_at else None,
        "revoked_at": format_moment(grant.revoked_at) if grant.revoked_at else None,
        "reason": grant.end_reason or None,
    }


def _broken(broken: BreakGlass) -> dict[str, Any]:
    return {
        "incident": broken.incident,
        "is_drill": broken.is_drill,
        "review_due_at": format_moment(broken.review_due_at) if broken.review_due_at else None,
        "finding": broken.finding or None,
    }
