"""Whether a live access may last longer, and for how long; in place of the form: why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from accessrequests.domain import extending
from accessrequests.domain.lifecycle import AccessRequestState, ExtensionState, GrantState
from accessrequests.domain.policy import Verdict
from accessrequests.models import AccessRequest, Credential, Extension, Grant
from accessrequests.queries import asks

_SHORTEST = timedelta(seconds=1)
_UNWRITTEN = "x" * 2_000  # no reason has been written yet, so that none can be too short


@dataclass(frozen=True, slots=True)
class Longer:
    """What the holder of a live grant can ask for now, what waits already, or why nothing can be asked for."""

    longest: timedelta = timedelta()
    verdict: Verdict | None = None
    waiting: AccessRequest | None = None
    on_its_way: Extension | None = None
    why_not: str = ""


def drafted(grant: Grant, *, duration: timedelta, reason: str) -> AccessRequest:
    """The request for it, not stored: what was approved once, for longer, under the policy of then and of now."""
    first = grant.access_request
    return AccessRequest(
        extends=grant,
        requester=grant.holder,
        beneficiary=grant.holder,
        target=grant.target,
        kind=first.kind,
        principal=first.principal,
        service=first.service,
        owners=first.owners,
        roles=first.roles,
        privileges=first.privileges,
        clusters=first.clusters,
        authentication=first.authentication,
        source_addresses=first.source_addresses,
        duration=duration,
        reason=reason,
        ticket=first.ticket,
        level=first.level,
        policy_version=first.policy_version,
        verdict=first.verdict,
        state=AccessRequestState.PENDING.value,
    )


def longer(grant: Grant, *, at: datetime) -> Longer:
    """For the holder of a grant. The operation judges again."""
    if grant.state != GrantState.ACTIVE or grant.starts_at is None or grant.expires_at is None:
        return Longer(why_not="Only a live access can be extended.")
    on_its_way = Extension.objects.filter(grant=grant, state=ExtensionState.WAITING.value).first()
    if on_its_way is not None:
        return Longer(on_its_way=on_its_way)
    waiting = AccessRequest.objects.filter(extends=grant, state=AccessRequestState.PENDING.value).first()
    if waiting is not None:
        return Longer(waiting=waiting)
    if extending.is_too_late(expires_at=grant.expires_at, at=at):
        return Longer(why_not="Less than a minute of it is left, which is too little to extend it. Ask again instead.")
    try:
        verdict = asks.judge_again(drafted(grant, duration=_SHORTEST, reason=_UNWRITTEN))
    except (asks.Invalid, asks.NotReadYet) as error:
        return Longer(why_not=str(error))
    if not verdict.allowed:
        return Longer(why_not=verdict.refusals[0].sentence)
    return Longer(extending.longest(verdict, starts_at=grant.starts_at, expires_at=grant.expires_at), verdict)


def certificate_ends(grant: Grant) -> datetime | None:
    """When the last certificate that was made for it ends, where that is before the access does."""
    credential: Credential | None = getattr(grant, "credential", None)
    ends = credential.certificate_until if credential is not None else None
    return ends if ends is not None and grant.expires_at is not None and ends < grant.expires_at else None


def last_failure(grant: Grant) -> str:
    """Why its end did not move when somebody last wanted it to."""
    failed = grant.extensions.filter(state=ExtensionState.FAILED.value).order_by("-pk").first()
    return "" if failed is None else failed.why


def other_ends(grant: Grant) -> tuple[datetime, ...]:
    """Later ends that the target may hold: on their way there, or not taken by it as far as is known."""
    if grant.state != GrantState.ACTIVE:
        return ()
    found = grant.extensions.exclude(state=ExtensionState.DONE.value).filter(ends_at__gt=grant.expires_at)
    return tuple(found.values_list("ends_at", flat=True))
