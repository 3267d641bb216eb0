"""A break-glass in words: what it was, where it stands, and the evidence for whoever reviews it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accessrequests.domain.kinds import KINDS
from accessrequests.domain.lifecycle import AccessRequestState, GrantState
from accessrequests.domain.sentences import FINDINGS
from accessrequests.models import BreakGlass, Grant, Person
from accessrequests.queries import people
from accessrequests.queries.belonging import Belonging
from accessrequests.queries.break_glass import told_groups
from accessrequests.queries.broken import Pane
from accessrequests.web import grants_shown, shown

NOT_KEPT = "{target} keeps no history of logins, so what was done cannot be read there. Ask the person, and look at the target's own log."


@dataclass(frozen=True, slots=True)
class Row:
    """One use, in a list."""

    broken: BreakGlass
    deed: str
    environment: shown.Tag
    tag: shown.Tag
    is_late: bool


@dataclass(frozen=True, slots=True)
class Told:
    """One group that is told, with its people."""

    group: str
    people: Sequence[str]
    reviews: bool


def row_of(broken: BreakGlass, *, at: datetime) -> Row:
    access_request = broken.access_request
    is_late = broken.reviewed_at is None and broken.review_due_at is not None and at >= broken.review_due_at
    return Row(
        broken,
        shown.deed_of(access_request),
        shown.environment_tag(access_request.target),
        tag_of(broken, at=at),
        is_late,
    )


def tag_of(broken: BreakGlass, *, at: datetime) -> shown.Tag:
    """Where it stands: what gives access comes first, then what is still to be looked at."""
    grant: Grant | None = getattr(broken.access_request, "grant", None)
    if grant is None:
        waits = broken.access_request.state == AccessRequestState.PENDING
        return shown.Tag("waits for a second person", "warn") if waits else shown.request_tag(broken.access_request)
    if grant.state != GrantState.REVOKED:
        return shown.grant_tag(grant, at=at)
    if broken.reviewed_at is not None:
        return shown.Tag(f"reviewed: {broken.finding}", "bad" if broken.finding == "misuse" else "ok")
    is_late = broken.review_due_at is not None and at >= broken.review_due_at
    return shown.Tag("review overdue", "bad") if is_late else shown.Tag("review due", "warn")


def told_of(pane: Pane, *, without: Person) -> list[Told]:
    """Who would hear of it at once, by name: that is what stops a hand that should not do it."""
    if pane.verdict.terms is None:
        return []
    groups = told_groups(pane.verdict.terms)
    able = people.members_by_group(groups, without=[without.pk])
    return [Told(group, able[group], group in pane.verdict.terms.review_by) for group in groups]


def context_of(broken: BreakGlass, *, who: Belonging, at: datetime) -> dict[str, Any]:
    access_request = broken.access_request
    grant: Grant | None = getattr(access_request, "grant", None)
    is_alive = grant is not None and grant.state in {GrantState.PENDING, GrantState.ACTIVE}
    is_over = grant is not None and not is_alive
    is_mine = broken.person_id == who.person.pk
    return {
        "broken": broken,
        "access_request": access_request,
        "grant": grant,
        "deed": shown.deed_of(access_request),
        "title": f"{broken.person.name}: {shown.deed_of(access_request)}",
        "environment": shown.environment_tag(access_request.target),
        "tag": tag_of(broken, at=at),
        "fuse": shown.fuse_of(grant, at=at) if grant is not None else None,
        "is_mine": is_mine,
        "is_alive": is_alive,
        "is_over": is_over,
        "may_end": is_alive and (is_mine or who.may_end(access_request)),
        "may_review": is_over and broken.reviewed_at is None and who.may_review(access_request),
        "is_late": broken.reviewed_at is None and broken.review_due_at is not None and at >= broken.review_due_at,
        "finding": FINDINGS.get(broken.finding, ""),
        "reviewers": " or ".join(broken.review_groups),
        "lets_you_do": shown.lets_you_do(access_request),
        "timeline": shown.timeline_of(access_request),
        "gates": grants_shown.gates_shown(grant, at=at) if grant is not None else [],
        "no_history": _no_history(grant) if grant is not None else "",
        "held": _held(broken, grant, at) if grant is not None else "",
    }


def _no_history(grant: Grant) -> str:
    return "" if KINDS[grant.target.kind].keeps_logins else NOT_KEPT.format(target=grant.target.slug)


def _held(broken: BreakGlass, grant: Grant, at: datetime) -> str:
    if grant.state == GrantState.PENDING:
        return "It is not live yet: it is being set up."
    if grant.activated_at is None:
        return "It was never live."
    until = broken.ended_at or at
    return f"{shown.time_words(until - grant.activated_at)} of {shown.time_words(grant.length)}"
