"""What an operator would look at, one after the other, when something is not right: each with what to do about it.

It changes nothing. What needs a secret is looked at where the secret is: run it where the relay runs to have all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core import checks
from django.db import DatabaseError

from accessrequests import sealing
from accessrequests.models import Target
from accessrequests.queries import clock, health, metrics, sealed, watch
from workers import clocks
from workers.connections import provisioner_for, read_each_connection, tag_keys
from workers.provisioners.base import ProvisionerError

LONGEST_WAIT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `is_well` is None where it could not be looked at from here."""

    is_well: bool | None
    sentence: str


def findings() -> Iterator[Finding]:
    """In the order in which they would be put right."""
    yield from _settings()
    yield from _keys()
    obstacle = health.obstacle()
    yield Finding(not obstacle, obstacle or "The database answers, is migrated, and keeps its trail from us.")
    try:
        yield from _rows()
    except DatabaseError:
        yield Finding(False, "What the rows say could not be read.")
    yield from _records()


def _settings() -> Iterator[Finding]:
    """Django's own checks. What it only warns of may be as the operator wants it, behind a proxy for example."""
    found = checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=True)
    said = [one for one in found if not one.is_silenced()]
    for one in said:
        yield Finding(False if one.is_serious() else None, f"Settings: {one.msg} ({one.id})")
    if not said:
        yield Finding(True, "The settings pass Django's security checks for a deployment.")


def _keys() -> Iterator[Finding]:
    try:
        first, *older = sealing.key_names()
    except sealing.CannotOpen as error:
        yield Finding(False, f"{error} Without it nobody gets a password.")
    else:
        also = f"; {', '.join(older)} still open what they sealed" if older else ""
        yield Finding(True, f"The sealing key {first} seals{also}.")


def _rows() -> Iterator[Finding]:
    now = clock.now()
    yield from _of_time()
    late = health.overdue(now).count()
    yield Finding(
        not late,
        f"{late} revocations are overdue. See Runbooks: a revocation is stuck."
        if late
        else "No revocation is overdue.",
    )
    for sign in watch.figures(now).signs:
        since = f"last heard of at {sign.at:%Y-%m-%d %H:%M} UTC" if sign.at else "never heard of"
        yield Finding(
            sign.is_alive, f"{sign.who}: {'alive' if sign.is_alive else since + '. Start it, and look at its log'}."
        )
    for one in watch.waiting(now):
        if one.since is not None and now - one.since > LONGEST_WAIT:
            yield Finding(
                False, f"The queue {one.queue} has waited since {one.since:%H:%M} UTC, with {one.messages} messages."
            )
    yield from _of_the_trail(now)
    yield from _of_what_is_sealed()
    for target in Target.objects.filter(retired_at=None).exclude(unreachable_since=None).order_by("slug"):
        yield Finding(False, f"{target.slug} has not answered since {target.unreachable_since:%Y-%m-%d %H:%M} UTC.")


def _of_time() -> Iterator[Finding]:
    seen = clocks.look()
    apart = max(seen.before - seen.database, seen.database - seen.after, timedelta())
    seconds = apart.total_seconds()
    if apart > clocks.ALARM:
        yield Finding(False, f"This machine's clock and the database's are {seconds:.1f} s apart. Mend NTP.")
    else:
        yield Finding(True, f"This machine's clock agrees with the database's to {seconds:.1f} s.")


def _of_the_trail(now: datetime) -> Iterator[Finding]:
    if not settings.ACCESS_ANCHOR_FILE:
        yield Finding(None, "ACCESS_ANCHOR_FILE is not set here: the anchors of the trail were not looked at.")
        return
    anchored = watch.anchored()
    if anchored.sequence is None:
        yield Finding(False, anchored.trouble)
    elif (waited := metrics.unanchored_seconds(anchored.sequence, now=now)) > LONGEST_WAIT.total_seconds():
        yield Finding(False, f"Events have waited {waited:.0f} s for an anchor. The relay's log says why.")
    else:
        yield Finding(True, f"The trail is anchored up to event {anchored.sequence}, at {anchored.at}.")


def _of_what_is_sealed() -> Iterator[Finding]:
    try:
        known = sealing.key_names()
    except sealing.CannotOpen:
        return
    lost = {name: kinds for name, kinds in sealed.by_key().items() if name not in known}
    for name, kinds in sorted(lost.items()):
        what = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        yield Finding(
            False,
            f"Sealed with the key {name}, which is not here: {what}. Put that key back, or reseal them elsewhere.",
        )
    if not lost:
        yield Finding(True, "Everything that is sealed can be opened with the keys that are here.")


def _records() -> Iterator[Finding]:
    if not settings.ACCESS_TARGETS_FILE:
        yield Finding(None, "ACCESS_TARGETS_FILE is not set here: no target was asked. Run this where the relay runs.")
        return
    try:
        tag_keys()
        records, broken = read_each_connection(Path(settings.ACCESS_TARGETS_FILE))
    except ProvisionerError as error:
        yield Finding(False, str(error))
        return
    for sentence in broken.values():
        yield Finding(False, sentence)
    try:
        catalogue = list(Target.objects.filter(retired_at=None).order_by("slug").values_list("slug", flat=True))
    except DatabaseError:
        return
    for slug in catalogue:
        if slug in records:
            yield from _asked(slug)
        elif slug not in broken:
            yield Finding(False, f"{slug} is in the catalogue and has no connection record. Nothing can be made there.")


def _asked(slug: str) -> Iterator[Finding]:
    try:
        found = provisioner_for(slug).check()
    except ProvisionerError as error:
        yield Finding(False, f"{slug}: {error}")
        return
    for warning in found.warnings:
        yield Finding(False, f"{slug}: {warning}")
    if abs(found.clock_skew) > clocks.ALARM.total_seconds():
        yield Finding(False, f"{slug}: its clock is {found.clock_skew:+.1f} s from ours. Mend NTP.")
    if not found.warnings:
        yield Finding(found.ok, f"{slug}: {'answers, and our login has what it needs' if found.ok else 'is not well'}.")
