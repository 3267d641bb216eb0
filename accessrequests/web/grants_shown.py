"""A grant as its own page and the list of one's access show it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accessrequests.domain import certificates, external, vouching
from accessrequests.domain.connecting import Place, Way, ways_to_connect
from accessrequests.domain.gates import BY_LOGIN, how_added, how_proved
from accessrequests.domain.kinds import KINDS, named_method
from accessrequests.domain.lifecycle import CredentialState, GateName, GateState, GrantState
from accessrequests.domain.situation import Situation
from accessrequests.domain.wording import one_line
from accessrequests.models import Gate, Grant
from accessrequests.models.access_requests import Answer
from accessrequests.queries import extensions, standing
from accessrequests.queries.places import places_of
from accessrequests.web import shown

UNREAD_LIFE = timedelta(minutes=15)
_ALIVE = {GrantState.PENDING.value, GrantState.ACTIVE.value}
GATES = {GateName.NETWORK: "Network", GateName.USER: "Login", GateName.ROLES: "Roles"}
_GATE_STATES = {
    GateState.CLOSED: ("closed", "Nothing is open yet."),
    GateState.OPEN: ("open", "The target confirmed it."),
    GateState.CUT: ("cut off", "It no longer works; its rest is being removed."),
    GateState.CLEAN: ("gone", "The target has nothing of it left."),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step on the way to a live access, and when it was done."""

    words: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GateShown:
    """One gate in words, with what the target said about it."""

    name: str
    state: str
    words: str
    proof: str
    evidence: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class PlaceShown:
    """Where one connects to, and the ways to do it. `key` tells it from the others on a page."""

    key: str
    cluster: str
    ways: Sequence[Way]


@dataclass(frozen=True, slots=True)
class Held:
    """One grant as a person sees it."""

    grant: Grant
    deed: str
    situation: Situation
    environment: shown.Tag
    fuse: shown.Fuse | None
    credential: CredentialState
    unread_until: datetime | None
    approved: str
    is_mine: bool
    steps: Sequence[Step]
    places: Sequence[PlaceShown]
    own_login: str
    is_moving: bool  # a later end is on its way to the target

    @property
    def mark(self) -> str:
        """What must be the same for a page of it to be of now."""
        return f"{self.grant.state}-{self.credential}{'-moving' if self.is_moving else ''}"

    @property
    def secret(self) -> str:
        """What its holder is shown once; empty where others vouch for who signs in."""
        if self.grant.access_request.named_by_others:
            return ""
        return "certificate" if self.grant.access_request.has_certificate else "password"

    @property
    def certificate_until(self) -> datetime | None:
        """When the certificate ends that the holder has, where that is before the access does."""
        return extensions.certificate_ends(self.grant)

    @property
    def secret_piece(self) -> str:
        return f"access/_{self.secret or 'vouched'}.html"

    @property
    def method(self) -> str:
        return named_method(self.grant.access_request.authentication)

    @property
    def is_alive(self) -> bool:
        return self.grant.state in _ALIVE

    @property
    def is_live(self) -> bool:
        return self.grant.state == GrantState.ACTIVE and self.situation.tone != "bad"

    @property
    def is_pending(self) -> bool:
        return self.grant.state == GrantState.PENDING

    @property
    def is_over(self) -> bool:
        return self.grant.state == GrantState.REVOKED

    @property
    def pace(self) -> int:
        """How often the page looks again, in seconds; 0 when nothing can change any more."""
        if self.is_over:
            return 0
        is_scheduled = self.is_pending and self.situation.word == "scheduled"
        is_quiet = self.grant.state == GrantState.ACTIVE and not self.is_moving
        return 30 if is_quiet or is_scheduled else 2


def held_shown(
    grant: Grant, *, at: datetime, is_mine: bool, silent: Collection[str] = (), is_moving: bool = False
) -> Held:
    credential = getattr(grant, "credential", None)
    ready_at = credential.ready_at if credential is not None else None
    return Held(
        grant=grant,
        deed=shown.deed_of(grant.access_request),
        situation=standing.situation_of(grant, at=at, is_mine=is_mine, silent=silent),
        environment=shown.environment_tag(grant.target),
        fuse=shown.fuse_of(grant, at=at),
        credential=_credential_now(grant, at=at),
        unread_until=ready_at + UNREAD_LIFE if ready_at else None,
        approved=_approved(grant),
        is_mine=is_mine,
        steps=_steps(grant, at=at),
        places=_places(grant) if grant.state == GrantState.ACTIVE else (),
        own_login="" if grant.access_request.makes_a_user else grant.access_request.principal,
        is_moving=is_moving,
    )


def _places(grant: Grant) -> list[PlaceShown]:
    """Who goes on with a login of their own knows where to."""
    if not grant.access_request.makes_a_user:
        return []
    return [
        PlaceShown(
            f"{grant.pk}-{number}" if place.cluster else str(grant.pk),
            place.cluster,
            _ways(grant, place),
        )
        for number, place in enumerate(places_of(grant.access_request))
    ]


def _ways(grant: Grant, place: Place) -> Sequence[Way]:
    asked = grant.access_request
    if asked.named_by_others:
        is_group = external.is_group(asked.authentication, asked.principal)
        return vouching.ways_to_connect(
            place=place, method=asked.authentication, name=asked.named_by_others, is_group=is_group
        )
    if asked.has_certificate:
        return certificates.ways_to_connect(place=place, username=grant.username)
    return ways_to_connect(kind=grant.target.kind, hosts=place.hosts, options=place.options, username=grant.username)


def _credential_now(grant: Grant, *, at: datetime) -> CredentialState:
    """Unread for too long counts as erased, even while no worker is there to erase it."""
    credential = getattr(grant, "credential", None)
    state = shown.credential_of(grant)
    if state is CredentialState.READY and credential is not None and credential.ready_at is not None:
        return CredentialState.ERASED if at >= credential.ready_at + UNREAD_LIFE else state
    return state


def _approved(grant: Grant) -> str:
    """Approved by bob and carol. (The moment and the ticket stand beside it.)"""
    asked = grant.access_request
    counted = [one for one in asked.approvals.all() if one.revision == asked.revision]
    said = [shown.spoke(one) for one in counted if one.answer == Answer.APPROVE.value]
    names = list(dict.fromkeys(said))
    if asked.is_break_glass:
        agreed = f": {' and '.join(names)} agreed" if names else ", and nobody approved it"
        return f"The glass was broken{agreed}"
    if names:
        return f"Approved by {' and '.join(names)}"
    schedules = " and ".join(grant.access_request.verdict.get("on_call", ()))
    on_call = f", since {grant.holder.name} was on call by {schedules}" if schedules else ""
    return f"Approved by the policy itself{on_call}"


def _steps(grant: Grant, *, at: datetime) -> list[Step]:
    """How far the making of the user has come."""
    if grant.state != GrantState.PENDING:
        return []
    steps = [Step(_approved(grant), grant.created_at)]
    if grant.attempt_started_at is not None:
        attempt = f", attempt {grant.provisioning_attempt}" if grant.provisioning_attempt > 1 else ""
        steps.append(Step(f"Sent to {grant.target.slug}{attempt}", grant.attempt_started_at))
        does = "makes the user" if grant.access_request.makes_a_user else "adds the roles"
        usual = KINDS[grant.target.kind].usually_takes
        steps.append(Step(f"The target {does} and confirms it. That usually takes {usual}."))
    elif grant.not_before <= at:
        steps.append(Step("A worker takes it next. That usually takes a second."))
    return steps


def gates_shown(grant: Grant, *, at: datetime) -> list[GateShown]:
    states = dict(_GATE_STATES)
    if grant.state == GrantState.PENDING and grant.not_before <= at:
        states[GateState.CLOSED] = ("closed", "It is being set up.")
    return [
        GateShown(
            GATES[GateName(gate.gate)],
            *states[GateState(gate.state)],
            _proved(grant, gate),
            _told(gate),
        )
        for gate in grant.gates.all()
    ]


def _proved(grant: Grant, gate: Gate) -> str:
    """How it is known to be open, or was; nothing of one that never was."""
    if GateState.OPEN.value not in gate.evidence:
        return ""
    if grant.access_request.makes_a_user:
        said = how_proved(grant.target.kind, GateName(gate.gate), by_login=_proof_of(gate) == BY_LOGIN)
    else:
        said = how_added(grant.login)
    return said if gate.state == GateState.OPEN else f"While it was open: {said}"


def _told(gate: Gate) -> list[tuple[str, str]]:
    """What the target said at each step, one line for each thing."""
    return [
        (f"{step}: {one_line(str(name)).replace('_', ' ')}", _value(value))
        for step, said in gate.evidence.items()
        for name, value in (said.items() if isinstance(said, dict) else [("it said", said)])
    ]


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return one_line(", ".join(map(str, value))) or "none"
    if isinstance(value, dict):
        return one_line(", ".join(f"{name} {said}" for name, said in value.items())) or "none"
    return one_line(str(value)) or "nothing"


def _proof_of(gate: Gate) -> str:
    """How the target's own answer proved it, when it was opened."""
    return str(gate.evidence.get(GateState.OPEN.value, {}).get("proof", ""))


def hands_of(grant: Grant) -> str:
    """The person who has it in hand: a service identity's owner."""
    owner = grant.holder.owner
    return f"{owner.name}, who owns {grant.holder.name}," if owner else grant.holder.name


def who_may_end(grant: Grant) -> str:
    """Names no more than the law does: whoever holds it, administers, or may decide on the request."""
    groups = sorted(grant.access_request.step_groups)
    deciders = f" and whoever may decide on the request for {' or '.join(groups)}" if groups else ""
    return f"{hands_of(grant)} can give it back. Administrators{deciders} can revoke it."
