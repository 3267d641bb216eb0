"""Whether a live access may last longer, and for how long; in place of the form: why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch, prefetch_related_objects

from accessrequests.domain import extending
from accessrequests.domain.lifecycle import AccessRequestState, ExtensionState, GrantState
from accessrequests.domain.policy import Verdict
from accessrequests.models import AccessRequest, Credential, Extension, Grant
from accessrequests.queries import asks

_SHORTEST = timedelta(seconds=1)
_UNWRITTEN = "x" * 2_000  # no reason has been written yet, so that none can be too short


# Who asked for more time, and what came of it: few for each grant, and read with it.
ASKED = Prefetch("extension_requests", AccessRequest.objects.select_related("extension").order_by("pk"))


@dataclass(frozen=True, slots=True)
class Longer:
    """What the holder of a live grant can ask for now, what waits already, or why nothing can be asked for."""

    longest: timedelta = timedelta()
    verdict: Verdict | None = None
    waiting: AccessRequest | None = None
    on_its_way: Extension | None = None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Later:
    """An end that does not count yet."""

    access_request: int
    state: str
    ends_at: datetime


def later(grant: Grant) -> Later | None:
    """The later end that is asked for, or on its way."""
    on_its_way, waiting = _on_its_way(grant), _waiting(grant)
    if on_its_way is not None:
        return Later(on_its_way.access_request_id, ExtensionState.WAITING.value, on_its_way.ends_at)
    if waiting is None or grant.expires_at is None:
        return None
    length = waiting.approved_duration or waiting.duration
    return Later(waiting.pk, AccessRequestState.PENDING.value, grant.expires_at + length)


def look_up(grants: Sequence[Grant]) -> None:
    """For each, in one question for all of them, who asked for more time and what came of it."""
    prefetch_related_objects(grants, ASKED)


def drafted(grant: Grant, *, duration: timedelta, reason: str) -> AccessRequest:
    """The request for it, not stored: what was approved once, for longer, under the policy of then and of now."""
    first = grant.access_request
    return AccessRequest(
        extends=grant,
        requester=grant.holder.owner or grant.holder,
        beneficiary=grant.holder,
        target=first.target,
        kind=first.kind,
        principal=first.principal,
        service=first.service,
        owners=_owners(grant),
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


def _owners(grant: Grant) -> list[str]:
    """Of the login as it was asked for, of the service identity as it is now, and whoever first asked for somebody else."""
    owner, first = grant.holder.owner, grant.access_request
    own = [owner.username] if owner else []
    asked = [first.requester.username] if first.requester_id != grant.holder_id else []
    return list(dict.fromkeys([*first.owners, *own, *asked]))


def longer(grant: Grant, *, at: datetime) -> Longer:
    """For the holder of a grant. The operation judges again.

    A grant that was read with the number of the `newest_policy` saves the question for it, if that is its own.
    """
    if grant.state != GrantState.ACTIVE or grant.starts_at is None or grant.expires_at is None:
        return Longer(why_not="Only a live access can be extended.")
    if grant.access_request.is_break_glass:
        return Longer(why_not=extending.NO_RENEWAL)
    on_its_way, waiting = _on_its_way(grant), _waiting(grant)
    if on_its_way is not None or waiting is not None:
        return Longer(on_its_way=on_its_way, waiting=waiting)
    if extending.is_too_late(expires_at=grant.expires_at, at=at):
        return Longer(why_not="Less than a minute of it is left, which is too little to extend it. Ask again instead.")
    try:
        pinned = grant.access_request.policy_version
        current = pinned if getattr(grant, "newest_policy", None) == pinned.version else None
        verdict = asks.judge_again(drafted(grant, duration=_SHORTEST, reason=_UNWRITTEN), current=current)
        longest = extending.longest(verdict, starts_at=grant.starts_at, expires_at=grant.expires_at)
        if verdict.allowed and not verdict.steps and longest > _SHORTEST:
            # Whoever is on call waits for nobody only up to a length: what is said is to be true of the longest, too.
            verdict = asks.judge_again(drafted(grant, duration=longest, reason=_UNWRITTEN), current=current)
    except (asks.Invalid, asks.NotReadYet) as error:
        return Longer(why_not=str(error))
    if not verdict.allowed:
        return Longer(why_not=verdict.refusals[0].sentence)
    return Longer(longest, verdict)


def certificate_ends(grant: Grant) -> datetime | None:
    """When the last certificate that was made for it ends, where that is before the access does."""
    credential: Credential | None = getattr(grant, "credential", None)
    ends = credential.certificate_until if credential is not None else None
    return ends if ends is not None and grant.expires_at is not None and ends < grant.expires_at else None


def last_failure(grant: Grant) -> str:
    """Why its end did not move when somebody last wanted it to."""
    return next((one.why for one in _extensions(grant) if one.state == ExtensionState.FAILED), "")


def is_moving(grant: Grant) -> bool:
    """Whether a later end is on its way to the target."""
    return grant.state == GrantState.ACTIVE and _on_its_way(grant) is not None


def other_ends(grant: Grant) -> tuple[datetime, ...]:
    """Later ends that the target may hold: on their way there, or not taken by it as far as is known."""
    if grant.state != GrantState.ACTIVE:
        return ()
    asked = [one.ends_at for one in grant.extensions.all() if one.state != ExtensionState.DONE]
    return tuple(ends_at for ends_at in asked if grant.expires_at is not None and ends_at > grant.expires_at)


def _waiting(grant: Grant) -> AccessRequest | None:
    asked = grant.extension_requests.all()
    return next((one for one in asked if one.state == AccessRequestState.PENDING), None)


def _on_its_way(grant: Grant) -> Extension | None:
    return next((one for one in _extensions(grant) if one.state == ExtensionState.WAITING), None)


def _extensions(grant: Grant) -> list[Extension]:
    """The newest first."""
    found = [getattr(one, "extension", None) for one in grant.extension_requests.all()]
    return sorted((one for one in found if one is not None), key=lambda one: -one.pk)
