"""What the pages show of a change of a custom role: where it stands, what differs, what it comes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from accessrequests.domain import sentences
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import ChangeState
from accessrequests.domain.role_sentences import standing
from accessrequests.models import CustomRoleChange
from accessrequests.queries import custom_roles
from accessrequests.queries.asks import Invalid, NotReadYet
from accessrequests.queries.belonging import Belonging
from accessrequests.web.shown import Happened, Tag

_VERBS = {"create": "Make", "edit": "Change", "delete": "Delete"}
_TONES = {
    ChangeState.PENDING: "warn",
    ChangeState.APPROVED: "warn",
    ChangeState.DENIED: "bad",
    ChangeState.CANCELLED: "",
    ChangeState.APPLIED: "ok",
    ChangeState.FAILED: "bad",
}
_WORDS = {ChangeState.PENDING: "waiting", ChangeState.APPROVED: "being made", ChangeState.CANCELLED: "taken back"}


def title_of(change: CustomRoleChange) -> str:
    return f"{_VERBS[change.kind]} the role {change.role} on {change.target.slug}"


def tag_of(change: CustomRoleChange) -> Tag:
    state = ChangeState(change.state)
    return Tag(_WORDS.get(state, state.value), _TONES[state])


def may_decide(who: Belonging, change: CustomRoleChange) -> bool:
    """Whether it is worth showing the buttons; the operation judges again."""
    held = {group for group, since in who.since.items() if since <= change.proposed_at}
    return change.proposer_id != who.person.pk and bool(held & set(change.step_groups))


def context_of(change: CustomRoleChange) -> dict[str, Any]:
    return {
        "change": change,
        "title": title_of(change),
        "tag": tag_of(change),
        "sentence": standing(
            ChangeState(change.state),
            steps=change.verdict["steps"],
            answers=change.answers,
            by=change.decided_by,
            note=change.note,
        ),
        "lines": list(_lines(change.before, change.after)),
        "activity": [
            Happened(event.at, sentences.timeline(Event(event.event), actor=event.actor, facts=event.facts))
            for event in custom_roles.trail_of(change)
        ],
        **_today(change),
    }


def _today(change: CustomRoleChange) -> dict[str, Any]:
    """What it would come to now, while somebody may still decide."""
    if change.state != ChangeState.PENDING:
        return {"considered": None, "missing": ""}
    try:
        return {"considered": custom_roles.judge_again(change), "missing": ""}
    except (Invalid, NotReadYet) as error:
        return {"considered": None, "missing": str(error)}


def _lines(before: Mapping[str, list[str]] | None, after: Mapping[str, list[str]] | None) -> Iterable[tuple[str, str]]:
    """The definition line by line: what comes, what goes, what stays."""
    for key, prefix in (("privileges", ""), ("inherits", "has ")):
        old, new = set((before or {}).get(key, [])), set((after or {}).get(key, []))
        for line in sorted(old | new):
            kind = "same" if line in old & new else "add" if line in new else "cut"
            yield kind, f"{prefix}{line}"
