"""What a list of requests shows of each, so that two alike can be told apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from accessrequests.domain import policy
from accessrequests.domain.lifecycle import AccessRequestState, GrantState
from accessrequests.domain.window import spell_duration
from accessrequests.models import AccessRequest, Grant
from accessrequests.queries import standing
from accessrequests.queries.belonging import Belonging
from accessrequests.web import requests_shown, shown


@dataclass(frozen=True, slots=True)
class Item:
    """One request of a list. What waits says how long it has, what is decided says what came of it."""

    access_request: AccessRequest
    sentence: str
    environment: shown.Tag
    tag: shown.Tag
    quorum: requests_shown.Quorum | None
    waited: timedelta
    left: timedelta
    tone: str
    shortcut: str = ""

    @property
    def is_pending(self) -> bool:
        return self.access_request.state == AccessRequestState.PENDING

    @property
    def is_for_another(self) -> bool:
        return self.access_request.requester_id != self.access_request.beneficiary_id


@dataclass(frozen=True, slots=True)
class Alive:
    """One grant that is not confirmed gone."""

    grant: Grant
    sentence: str
    state: str
    environment: shown.Tag
    tag: shown.Tag
    fuse: shown.Fuse | None
    may_end: bool


def item_of(access_request: AccessRequest, *, at: datetime, shortcut: str = "") -> Item:
    length = access_request.approved_duration or access_request.duration
    left = max(timedelta(), access_request.lapses_at - at)
    lapse = requests_shown.lapse_of(access_request, at=at)
    more = " more" if access_request.extends_id is not None else ""
    return Item(
        access_request=access_request,
        sentence=f"{shown.deed_of(access_request)} for {spell_duration(length)}{more}",
        environment=shown.environment_tag(access_request.target),
        tag=_came_of(access_request, at),
        quorum=requests_shown.quorum_of(access_request, policy.from_json(access_request.verdict)),
        waited=at - access_request.filed_at,
        left=left,
        tone={"low": "bad", "out": "bad"}.get(lapse.tone, "warn") if lapse else "",
        shortcut=shortcut,
    )


def _came_of(access_request: AccessRequest, at: datetime) -> shown.Tag:
    """The state of the access, once there is one: approved says less."""
    grant = shown.access_of(access_request)
    return shown.request_tag(access_request) if grant is None else shown.grant_tag(grant, at=at)


def alive_item(grant: Grant, belonging: Belonging, at: datetime) -> Alive:
    endable = grant.state in {GrantState.PENDING, GrantState.ACTIVE}
    return Alive(
        grant=grant,
        sentence=f"{shown.deed_of(grant.access_request)} for {spell_duration(grant.length)}",
        state=standing.sentence_of(grant, at=at),
        environment=shown.environment_tag(grant.target),
        tag=shown.grant_tag(grant, at=at),
        fuse=shown.fuse_of(grant, at=at),
        may_end=endable and not belonging.person.stands_for(grant.holder) and belonging.may_end(grant.access_request),
    )
