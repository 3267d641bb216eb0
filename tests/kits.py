"""Offline kits without a target: what the catalogue says, and the way of one through the product's own operations."""

from __future__ import annotations

from datetime import timedelta

from accessrequests.domain.offline_kits import KitLogin
from accessrequests.models import KitUse, OfflineKit, Target
from accessrequests.operations import offline_kits
from accessrequests.queries import clock
from tests import make

SLUG = "shop-prod"
SUBJECT = f"target/{SLUG}"
PRINT = "a" * 32


def declare(*roles: str, holders: tuple[str, ...] = ("frank", "erin", "bob"), slug: str = SLUG) -> Target:
    """The catalogue has a kit for the target."""
    target = Target.objects.get(slug=slug)
    target.declared["offline_kit"] = {"roles": list(roles or ("readWrite@shop",)), "holders": list(holders)}
    target.save()
    return target


def order(*, holders: tuple[str, ...] = ("frank", "erin"), fingerprint: str = PRINT) -> OfflineKit:
    return offline_kits.order(slug=SLUG, holders=holders, fingerprint=fingerprint, actor=make.OPERATOR)


def made(*seen: KitLogin) -> OfflineKit:
    """A kit that stands."""
    declare()
    order()
    return offline_kits.mark_made(
        slug=SLUG, holders=("frank", "erin"), fingerprint=PRINT, seen=seen, actor=make.OPERATOR
    )


def login(key: str = "conn7", *, ago: timedelta = timedelta(), address: str = "10.0.0.7") -> KitLogin:
    return KitLogin(key, clock.now() - ago, address)


def note(*logins: KitLogin) -> bool:
    return offline_kits.note_logins(slug=SLUG, logins=logins, looked_at=clock.now())


def used() -> KitUse:
    """Somebody has logged in with a kit that stood."""
    made()
    note(login())
    return KitUse.objects.get()
