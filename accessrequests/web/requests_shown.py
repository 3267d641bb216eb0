"""What the page of one request tells: what somebody gets, why one is asked, the person's record, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from accessrequests.domain import external, policy, sentences
from accessrequests.domain.events import Event
from accessrequests.domain.gates import everyone_in, only_we_end_it, who_ends
from accessrequests.domain.kinds import KINDS, SCRAM, named_method
from accessrequests.domain.lifecycle import AccessRequestState, GrantState
from accessrequests.domain.window import spell_duration
from accessrequests.models import AccessRequest, AuditEvent, Grant
from accessrequests.queries import holdings, standing
from accessrequests.queries.principals import Principal
from accessrequests.web import shown


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: y for yes, n for no, w for worth a look, p for people who are waited for."""

    kind: str
    icon: str
    words: str


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the activity; what a person wrote stands by itself, its lines kept."""

    at: datetime
    sentence: str
    quote: str
    icon: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The grant that came of a request, as it stands."""

    grant: Grant
    tag: shown.Tag
    sentence: str
    why_waiting: str
    fuse: shown.Fuse | None

    @property
    def is_alive(self) -> bool:
        return self.grant.state in {GrantState.PENDING, GrantState.ACTIVE}


def signs_in(access_request: AccessRequest) -> str:
    """Nothing where a password is all that there ever is."""
    method = access_request.authentication
    if not access_request.makes_a_user:
        return f"As {access_request.principal}, with the login that it has"
    is_usual = method == SCRAM and not KINDS[access_request.target.kind].has_clusters
    name = access_request.named_by_others
    return "" if is_usual else f"With {named_method(method)}{f' as {name}' if name else ''}"


def who_ends_it(access_request: AccessRequest) -> list[str]:
    """Who else is in it, and whether the target ends it by itself: it tells whoever decides how much rests on us."""
    method, target = access_request.authentication, access_request.target
    if not access_request.makes_a_user:
        login = Principal(access_request.principal, service=access_request.service)
        return [one for one in (login.who_else, only_we_end_it(target.slug)) if one]
    said = [who_ends(kind=target.kind, target=target.slug, authentication=method)]
    if external.is_group(method, access_request.principal):
        said.insert(0, everyone_in(access_request.service))
    elif access_request.service:
        said.insert(0, Principal(access_request.named_by_others, service=access_request.service).who_else)
    return said


def checks_of(
    access_request: AccessRequest, verdict: policy.Verdict, *, steps: Sequence[shown.StepShown], me: str
) -> list[Check]:
    """Why somebody is asked, in plain words: the people first, then what else the rules look at."""
    checks = [_step_check(step, me) for step in steps]
    if not checks:
        checks.append(Check("y", "check", "Nobody needs to approve."))
    elif access_request.state == AccessRequestState.PENDING:
        checks += [Check("p", "info", said) for said in verdict.answering.sentences(verdict.steps)]
    length = access_request.approved_duration or access_request.duration
    if verdict.maximum is not None and length <= verdict.maximum:
        limit = spell_duration(verdict.maximum)
        checks.append(Check("y", "check", f"{spell_duration(length)} is within the limit of {limit}"))
    if verdict.version != access_request.policy_version.version:
        filed = access_request.policy_version.version
        words = f"The policy has changed since it was filed under version {filed}. The stricter of both counts."
        checks.append(Check("w", "alert", words))
    return checks


def _step_check(step: shown.StepShown, me: str) -> Check:
    needed = sentences.people_needed([policy.Step(step.group, step.needed)])
    if step.is_filled:
        return Check("y", "check", f"{needed}: {' and '.join(step.approved)} approved")
    done = f" {len(step.approved)} of {step.needed} done, by {', '.join(step.approved)}." if step.approved else ""
    if not step.people:
        return Check("n", "alert", f"{needed}: nobody is there who could approve. Ask an administrator.{done}")
    mine = f"{me} for "  # and whoever lent them a voice
    people = sorted(step.people, key=lambda name: (name != me, not name.startswith(mine), name))
    names = ["you" if name == me else name.replace(mine, "you for ", 1) for name in people]
    who = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    return Check("p", "users", f"{needed}: {who} can approve.{done}")


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many of those who are needed have said yes, and who they are."""

    done: Sequence[str]
    needed: int

    @property
    def words(self) -> str:
        return f"{len(self.done)} of {self.needed} done"


def quorum_of(access_request: AccessRequest, verdict: policy.Verdict) -> Quorum | None:
    """1 of 2 done, by bob as data-owners. Nothing while nobody has, or when one is enough."""
    given = holdings.given(access_request)
    said = {one.person: shown.voiced(one) for one in given}
    taken = policy.filled(verdict.steps, given)
    done = [f"{said[name]} as {group}" for group, names in taken.items() for name in names]
    needed = sum(step.needed for step in verdict.steps)
    return Quorum(done, needed) if done and needed > 1 else None


def activity_of(events: Sequence[AuditEvent]) -> list[Said]:
    return [_said(event, sentence) for event, sentence in shown.told(events)]


def _said(event: AuditEvent, sentence: str) -> Said:
    known = Event(event.event)
    icon = _ICONS.get(known, "live")
    if known is Event.ACCESS_REQUEST_COMMENTED:
        return Said(event.at, f"{event.actor} wrote", sentences.paragraphs(str(event.facts.get("text", ""))), icon)
    return Said(event.at, sentence, "", icon)


_ICONS: Mapping[Event, str] = {
    Event.ACCESS_REQUEST_SUBMITTED: "send",
    Event.ACCESS_REQUEST_COMMENTED: "chat",
    Event.ACCESS_REQUEST_APPROVAL_GIVEN: "check",
    Event.ACCESS_REQUEST_APPROVED: "check",
    Event.ACCESS_REQUEST_DENIED: "cross",
    Event.ACCESS_REQUEST_REFUSED: "lock",
    Event.GRANT_ACTIVATED: "key",
    Event.GRANT_ATTEMPT_FAILED: "alert",
    Event.GRANT_PROVISIONING_FAILED: "alert",
    Event.GRANT_DRIFT_FOUND: "alert",
    Event.GRANT_REVOKED: "stop",
}


def outcome_of(grant: Grant, *, at: datetime) -> Outcome:
    return Outcome(
        grant=grant,
        tag=shown.grant_tag(grant, at=at),
        sentence=standing.sentence_of(grant, at=at),
        why_waiting=_why_waiting(grant, at),
        fuse=shown.fuse_of(grant, at=at),
    )


def _why_waiting(grant: Grant, at: datetime) -> str:
    """What keeps a grant from being made, or from being ended."""
    away = grant.target.unreachable_since
    if grant.state not in {GrantState.PENDING, GrantState.REVOKING}:
        return ""
    if away is not None:
        since = shown.time_words(at - away)
        return f"{grant.target.slug} has not answered for {since}. It goes on by itself when the target is back."
    if grant.last_error:
        return f"The last try said: {sentences.one_line(grant.last_error)} It is tried again."
    waited = at - max(grant.not_before, grant.created_at)
    if grant.state == GrantState.PENDING and grant.attempt_started_at is None and waited > standing.PATIENCE:
        return f"No worker has taken it for {shown.time_words(waited)}. It goes on by itself when the workers are back."
    return ""


def lapse_of(access_request: AccessRequest, *, at: datetime) -> shown.Fuse | None:
    """How much of the time to answer is left."""
    if access_request.state != AccessRequestState.PENDING:
        return None
    return shown.fuse(begins_at=access_request.filed_at, ends_at=access_request.lapses_at, at=at)
