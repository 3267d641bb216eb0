"""What the pages show of a change of a custom role: where it stands, what differs, what it comes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from accessrequests.domain import sentences
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import ChangeState
from accessrequests.domain.role_sentences import standing
from accessrequests.models import CustomRoleChange
from accessrequests.queries import custom_roles
from accessrequests.queries.asks import Invalid, NotReadYet
from accessrequests.queries.belonging import Belonging
from accessrequests.queries.custom_roles import Considered, Effect
from accessrequests.web.shown import Happened, Tag

_VERBS = {"create": "Make", "edit": "Change", "delete": "Delete"}
_TONES = {
    ChangeState.PENDING: "warn",
    ChangeState.APPROVED: "warn",
    ChangeState.DENIED: "bad",
    ChangeState.CANCELLED: "",
    ChangeState.EXPIRED: "",
    ChangeState.APPLIED: "ok",
    ChangeState.FAILED: "bad",
}
_WORDS = {
    ChangeState.PENDING: "waiting",
    ChangeState.APPROVED: "being made",
    ChangeState.CANCELLED: "taken back",
    ChangeState.EXPIRED: "lapsed",
}


def title_of(change: CustomRoleChange) -> str:
    return f"{_VERBS[change.kind]} the role {change.role} on {change.target.slug}"


def tag_of(change: CustomRoleChange) -> Tag:
    state = ChangeState(change.state)
    is_void = state is ChangeState.CANCELLED and change.note
    return Tag("void" if is_void else _WORDS.get(state, state.value), _TONES[state])


def may_decide(who: Belonging, change: CustomRoleChange) -> bool:
    """Whether it is worth showing the buttons; the operation judges again."""
    held = {group for group, since in who.since.items() if since <= change.proposed_at}
    return change.proposer_id != who.person.pk and bool(held & set(change.step_groups))


def effects_for(
    who: Belonging, considered: Considered | None, change: CustomRoleChange | None = None
) -> Sequence[Effect]:
    """By name for those who see all or decide on it; how many for everybody else."""
    if considered is None:
        return []
    may_know = who.sees_all or (change is not None and may_decide(who, change))
    return considered.named if may_know else considered.counted


def context_of(change: CustomRoleChange, *, who: Belonging) -> dict[str, Any]:
    return {
        "change": change,
        "title": title_of(change),
        "tag": tag_of(change),
        "sentence": standing(
            ChangeState(change.state),
            steps=change.verdict["steps"],
            answers=change.answers,
            lapses_at=change.lapses_at,
            by=change.decided_by,
            note=change.note,
        ),
        "lines": list(_lines(change.before, change.after)),
        "activity": [
            Happened(event.at, sentences.timeline(Event(event.event), actor=event.actor, facts=event.facts))
            for event in custom_roles.trail_of(change)
        ],
        **_today(change, who),
    }


def _today(change: CustomRoleChange, who: Belonging) -> dict[str, Any]:
    """What it would come to now, while somebody may still decide."""
    if change.state != ChangeState.PENDING:
        return {"considered": None, "missing": ""}
    try:
        considered = custom_roles.judge_again(change)
    except (Invalid, NotReadYet) as error:
        return {"considered": None, "missing": str(error)}
    return {"considered": considered, "effects": effects_for(who, considered, change), "missing": ""}


def _lines(before: Mapping[str, list[str]] | None, after: Mapping[str, list[str]] | None) -> Iterable[tuple[str, str]]:
    """The definition line by line: what comes, what goes, what stays."""
    for key, prefix in (("privileges", ""), ("inherits", "has ")):
        old, new = set((before or {}).get(key, [])), set((after or {}).get(key, []))
        for line in sorted(old | new):
            kind = "same" if line in old & new else "add" if line in new else "cut"
            yield kind, f"{prefix}{line}"
