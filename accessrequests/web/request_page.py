"""Puts the page of one request together: read once, told once, and with buttons only for those who may press them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from accessrequests.domain import policy
from accessrequests.domain.kinds import KINDS
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.domain.window import format_duration, spell_duration
from accessrequests.models import AccessRequest
from accessrequests.queries import access_requests, at_stake, comments, deciding, holdings, records, voices
from accessrequests.queries.people import on_behalf
from accessrequests.web import inbox_shown, requests_shown, shown
from accessrequests.web.decide_forms import SHORTER, ApproveForm, CommentForm, DenyForm
from accessrequests.web.pages import me
from accessrequests.web.whoami import KNOWN_WAITING, belonging

MOST_WAITING = 25


def with_list(request: HttpRequest, *, current: int | None, at: datetime) -> dict[str, Any]:
    """What waits for the person, for the list beside the page of `current`, or else of the first of them."""
    found = access_requests.inbox_of(belonging(request), most=MOST_WAITING)
    total: int = found[0].waiting if found else 0  # type: ignore[attr-defined]
    request.__dict__[KNOWN_WAITING] = total
    numbers = [one.pk for one in found]
    if current is None and numbers:
        current = numbers[0]
    here = numbers.index(current) if current in numbers else -1
    keys = {here + 1: "j", here - 1: "k"}
    items = [inbox_shown.item_of(one, at=at, shortcut=keys.get(place, "")) for place, one in enumerate(found)]
    return {"items": items, "total": total, "more": total - len(items), "current": current, "show": "waiting"}


def context_of(
    request: HttpRequest, access_request: AccessRequest, *, forms: dict[str, Any], at: datetime
) -> dict[str, Any]:
    today = _today(access_request)
    verdict = policy.from_json(access_request.verdict) if isinstance(today, str) else today
    stand_ins = access_request.stand_ins
    people = voices.people_of([*(step.group for step in verdict.steps), *stand_ins], access_request)
    given = holdings.given(access_request)
    steps = shown.steps_shown(verdict.steps, people=people, given=given, stand_ins=stand_ins)
    is_mine = belonging(request).gains(access_request)
    events = voices.timeline_of(access_request)
    others = access_requests.asked_together(access_request, me(request))
    record = None if is_mine else records.record_of(access_request, at=at)
    context: dict[str, Any] = {
        "access_request": access_request,
        "title": access_requests.title_now(access_request),
        "deed": shown.deed_of(access_request),
        "tag": shown.request_tag(access_request),
        "on_behalf": on_behalf(access_request.requester, access_request.beneficiary),
        "environment": shown.environment_tag(access_request.target),
        "sentence": shown.sentence_of(access_request, verdict),
        "is_pending": access_request.state == AccessRequestState.PENDING,
        "is_requester": access_request.requester_id == me(request).pk,
        "waited": at - access_request.filed_at,
        "lapse": requests_shown.lapse_of(access_request, at=at),
        "reach": at_stake.reach_of(access_request),
        "has_clusters": KINDS[access_request.target.kind].has_clusters,
        "signs_in": requests_shown.signs_in(access_request),
        "who_ends_it": requests_shown.who_ends_it(access_request),
        "changes": at_stake.changes_of(access_request, record, at=at),
        "length": spell_duration(access_request.duration),
        "shortened": _shortened(access_request),
        "extended": access_requests.extended_to(access_request),
        "ends_at": _ends_at(access_request, at),
        "verdict": verdict,
        "checks": requests_shown.checks_of(access_request, verdict, steps=steps, me=me(request).username),
        "quorum": requests_shown.quorum_of(access_request, verdict),
        "record": record,
        "activity": requests_shown.activity_of(events),
        "together": [(one, shown.request_tag(one)) for one in others],
        "seen": events[-1].sequence if events else 0,
        **_outcome(request, access_request, at),
        **_talk(request, access_request, forms),
    }
    decided = _deciding(request, access_request, today, verdict, record, at=at, forms=forms)
    return (
        context
        | decided
        | {"with_it": _decided_too(request, access_request, others, at) if "approve" in decided else []}
    )


def _today(access_request: AccessRequest) -> policy.Verdict | str:
    if access_request.state != AccessRequestState.PENDING:
        return policy.from_json(access_request.verdict)
    return holdings.judged_today(access_request)


def _deciding(
    request: HttpRequest,
    access_request: AccessRequest,
    today: policy.Verdict | str,
    verdict: policy.Verdict,
    record: records.Record | None,
    *,
    at: datetime,
    forms: dict[str, Any],
) -> dict[str, Any]:
    """The forms for those who may decide, or why not."""
    if access_request.state != AccessRequestState.PENDING:
        return {}
    who = belonging(request)
    why_not = deciding.why_not_decide(who, access_request, verdict, at=at)
    if why_not:
        return {"why_not": why_not}
    longest = access_request.approved_duration or access_request.duration
    enough = record.enough(longest, of=SHORTER) if record is not None else None
    return {
        "why_not_approve": today if isinstance(today, str) else "",
        "approve": forms.get("approve") or ApproveForm(initial={"revision": access_request.revision}, longest=longest),
        "deny": forms.get("deny") or DenyForm(initial={"revision": access_request.revision}),
        "opens": request.GET.get("open", ""),
        "decides_as": _decides_as(deciding.voice_in(who, access_request, verdict)),
        "longest": longest,
        "enough": enough,
        "enough_value": format_duration(enough) if enough else "",
        "is_unusual": record is not None and record.is_longer_than_usual(longest),
        "shorter": [(format_duration(one), one) for one in reversed(SHORTER) if one < longest],
    }


def _decides_as(voice: policy.Given | None) -> str:
    if voice is None:
        return ""
    groups = " and ".join(sorted(voice.groups))
    return f"{groups}, in the place of {voice.on_behalf_of}" if voice.on_behalf_of else groups


def _decided_too(
    request: HttpRequest, access_request: AccessRequest, others: Sequence[AccessRequest], at: datetime
) -> list[AccessRequest]:
    """Those asked together with it on which the person may decide as well, with it first; nothing when it is alone."""
    who = belonging(request)
    also = [
        one
        for one in others
        if one.state == AccessRequestState.PENDING
        and not deciding.why_not_decide(who, one, policy.from_json(one.verdict), at=at)
    ]
    return [access_request, *also] if also else []


def _outcome(request: HttpRequest, access_request: AccessRequest, at: datetime) -> dict[str, Any]:
    grant = shown.access_of(access_request)
    if grant is None:
        return {}
    outcome = requests_shown.outcome_of(grant, at=at)
    may_end = outcome.is_alive and belonging(request).may_end(access_request)
    return {"outcome": outcome, "may_end": may_end and not me(request).stands_for(grant.holder)}


def _talk(request: HttpRequest, access_request: AccessRequest, forms: dict[str, Any]) -> dict[str, Any]:
    over = comments.over(access_request)
    if over is not None:
        return {"why_no_comment": over.sentence}
    if not belonging(request).may_comment(access_request):
        return {"why_no_comment": "Only those who ask, decide or administer write here."}
    return {"comment": forms.get("comment") or CommentForm(initial={"once": secrets.token_urlsafe(16)})}


def _shortened(access_request: AccessRequest) -> str:
    approved = access_request.approved_duration
    return spell_duration(approved) if approved and approved < access_request.duration else ""


def _ends_at(access_request: AccessRequest, at: datetime) -> datetime:
    """When it ends, or would end if it were approved now."""
    grant = shown.access_of(access_request)
    if grant is not None and grant.expires_at is not None:
        ends: datetime = grant.expires_at
        return ends
    length = access_request.approved_duration or access_request.duration
    extended = access_request.extends
    if extended is not None and extended.expires_at is not None:
        return extended.expires_at + length
    return max(at, access_request.starts_at or at) + length
