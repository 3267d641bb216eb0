"""What the pages show of a request and of a grant: rows turned into the words that people read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from accessrequests.domain import policy, sentences
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import AccessRequestState, CredentialState, GrantState
from accessrequests.domain.policy import Step
from accessrequests.domain.privileges import Level
from accessrequests.domain.situation import ends_soon
from accessrequests.models import AccessRequest, Approval, AuditEvent, Grant, Target
from accessrequests.models.access_requests import Answer
from accessrequests.queries import holdings, preview, standing, voices

_KNOWN_ENVIRONMENTS = ("production", "staging", "development")
_REFUSALS = frozenset({Event.ACCESS_REQUEST_REFUSED, Event.GRANT_REFUSED, Event.BREAKGLASS_REFUSED})
_TONES = {
    AccessRequestState.PENDING: "warn",
    AccessRequestState.APPROVED: "ok",
    AccessRequestState.DENIED: "bad",
    AccessRequestState.CANCELLED: "",
    AccessRequestState.EXPIRED: "",
}


@dataclass(frozen=True, slots=True)
class Tag:
    """A word with a tone. The word alone says it all; the colour only helps."""

    words: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of a timeline."""

    at: datetime
    sentence: str


@dataclass(frozen=True, slots=True)
class StepShown:
    """One step of the verdict: how many of whom, who said yes, who still can."""

    group: str
    needed: int
    approved: Sequence[str]
    people: Sequence[str]

    @property
    def is_filled(self) -> bool:
        return len(self.approved) >= self.needed


@dataclass(frozen=True, slots=True)
class Fuse:
    """A time box: how much of it is left."""

    total: int
    left: int
    words: str
    tone: str


def environment_tag(target: Target) -> Tag:
    known = target.environment if target.environment in _KNOWN_ENVIRONMENTS else "other"
    return Tag(target.environment, known)


def request_tag(access_request: AccessRequest) -> Tag:
    state = AccessRequestState(access_request.state)
    return Tag(
        {AccessRequestState.PENDING: "waiting", AccessRequestState.EXPIRED: "lapsed"}.get(state, state.value),
        _TONES[state],
    )


def access_of(access_request: AccessRequest) -> Grant | None:
    """The access that came of it, or that lasts longer by it; None while nobody has approved."""
    if access_request.state != AccessRequestState.APPROVED:
        return None
    return getattr(access_request, "grant", None) or access_request.extends


def deed_of(access_request: AccessRequest) -> str:
    """What is asked for, beginning with a capital: Read shop.orders on shop-prod."""
    words = sentences.deed(
        roles=access_request.roles,
        level=Level(access_request.level),
        target=access_request.target.slug,
        clusters=access_request.clusters,
    )
    return words[:1].upper() + words[1:]


def sentence_of(access_request: AccessRequest, verdict: policy.Verdict) -> str:
    denials = [one for one in access_request.approvals.all() if one.answer == Answer.DENY.value]
    return sentences.request_sentence(
        state=AccessRequestState(access_request.state),
        lapses_at=access_request.lapses_at,
        waiting_for=policy.open_steps(verdict.steps, holdings.given(access_request)),
        decided_by=access_request.decided_by,
        note=denials[-1].comment if denials else access_request.note,
    )


def steps_shown(
    steps: Sequence[Step],
    *,
    people: dict[str, list[policy.Given]],
    given: Sequence[policy.Given] = (),
    stand_ins: Sequence[str] = (),
) -> list[StepShown]:
    """`stand_ins`: groups of `people` that may answer any of them by now."""
    others = [one for group in stand_ins for one in people[group]]
    filled = policy.filled(steps, given)
    said = {one.person: voiced(one) for one in given}
    return [
        StepShown(
            group=step.group,
            needed=step.needed,
            approved=[said[name] for name in filled[step.group]],
            people=list(
                dict.fromkeys(voiced(one) for one in (*people[step.group], *others) if policy.is_unheard(one, given))
            ),
        )
        for step in steps
    ]


def voiced(voice: policy.Given) -> str:
    """Who speaks, and for whom: bob for grace."""
    return f"{voice.person} for {voice.on_behalf_of}" if voice.on_behalf_of else voice.person


def spoke(approval: Approval) -> str:
    """The same of an answer that was given."""
    for_whom = approval.on_behalf_of
    return f"{approval.person.username} for {for_whom.username}" if for_whom else approval.person.username


def lets_you_do(access_request: AccessRequest) -> list[str]:
    return preview.let_do(access_request)


def timeline_of(access_request: AccessRequest) -> list[Happened]:
    return [Happened(event.at, sentence) for event, sentence in told(voices.timeline_of(access_request))]


def told(events: Iterable[AuditEvent]) -> Iterator[tuple[AuditEvent, str]]:
    """Each event that this version knows, and its sentence; the same refusal of somebody again and again is told once."""
    known = [event for event in events if event.event in set(Event)]
    for _, again in groupby(known, key=_as_refused):
        *before, last = again
        sentence = sentences.timeline(Event(last.event), actor=last.actor, facts=last.facts)
        yield last, f"{sentence} ({len(before) + 1} times)" if before else sentence


def _as_refused(event: AuditEvent) -> tuple[object, ...]:
    """What makes a refusal the same as another; anything else is the same as nothing."""
    if event.event in _REFUSALS:
        return event.event, event.actor, event.facts.get("why")
    return (event.sequence,)


def grant_tag(grant: Grant, *, at: datetime) -> Tag:
    told = standing.situation_of(grant, at=at, is_mine=False)
    return Tag(told.word, told.tone)


def fuse_of(grant: Grant, *, at: datetime) -> Fuse | None:
    """How much of the time is left, while the access lives."""
    if grant.state != GrantState.ACTIVE or grant.starts_at is None or grant.expires_at is None:
        return None
    return fuse(begins_at=grant.starts_at, ends_at=grant.expires_at, at=at)


def fuse(*, begins_at: datetime, ends_at: datetime, at: datetime) -> Fuse:
    total, left = ends_at - begins_at, max(timedelta(), ends_at - at)
    tone = "low" if ends_soon(starts_at=begins_at, expires_at=ends_at, at=at) else ""
    return Fuse(round(total.total_seconds()), round(left.total_seconds()), time_words(left), tone if left else "out")


def credential_of(grant: Grant) -> CredentialState:
    credential = getattr(grant, "credential", None)
    return CredentialState(credential.state) if credential is not None else CredentialState.NONE


def time_words(length: timedelta) -> str:
    """A length as short as people say it: 2 h 14 min, 40 s."""
    seconds = max(0, int(length.total_seconds()))
    days, hours, minutes = seconds // 86_400, seconds // 3_600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"
