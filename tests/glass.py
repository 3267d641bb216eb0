"""Breaks the glass as people do, without typing codes: a second factor, a proof, and a use at any point of its life."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value

from accessrequests.domain.events import Via
from accessrequests.domain.proofs import APP, Proof
from accessrequests.domain.reviews import Finding
from accessrequests.models import AccessRequest, Grant, Person
from accessrequests.operations import break_glass, grants
from accessrequests.queries import clock
from tests import make

REASON = "Checkout writes time out since 16:49; the locks must go."


def proof_of(person: Person) -> Proof:
    return Proof(person.pk, APP, clock.now())


def broken(person: Person, **changes: Any) -> AccessRequest:
    """Frank, on production, to change the shop for an hour."""
    fields: dict[str, Any] = {
        "target": "shop-prod",
        "roles": ("readWrite@shop",),
        "duration": timedelta(hours=1),
        "reason": REASON,
    }
    more: dict[str, Any] = {
        "incident": "INC-884",
        "confirm_target": "shop-prod",
        "proof": proof_of(person),
        "via": Via.WEB,
    }
    more |= {name: changes.pop(name) for name in [*more, "is_drill", "os_user"] if name in changes}
    return break_glass.request(person=person, asked=make.asked(**{**fields, **changes}), **more)


def ended(access_request: AccessRequest) -> Grant:
    """The same, used and over, as its target confirmed."""
    grant = make.activated(Grant.objects.get(access_request=access_request))
    grants.release(grant_id=grant.pk, holder=grant.holder, via=Via.WEB)
    grants.mark_cut(cuts=[grants.Cut(grant.pk, {"users": 0})])
    grants.mark_revoked(grant_id=grant.pk, evidence={"users": 0}, looked_at=clock.now())
    grant.refresh_from_db()
    return grant


def reviewed(access_request: AccessRequest, reviewer: Person, finding: Finding = Finding.REAL) -> AccessRequest:
    return break_glass.review(
        access_request_id=access_request.pk,
        reviewer=reviewer,
        via=Via.WEB,
        finding=finding,
        note="The locks were cleared, as the server's log says.",
    )


def add_second_factor(person: Person) -> str:
    """The seed of an app that shows codes."""
    seed = str(generate_totp_secret())
    TOTP.activate(person, seed)
    return seed


def code_of(seed: str, *, ahead: int = 0) -> str:
    """What the app shows now, or `ahead` periods later: each code counts once."""
    return str(format_hotp_value(hotp_value(seed, int(time.time()) // 30 + ahead)))
