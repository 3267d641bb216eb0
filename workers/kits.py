"""Offline kits at their targets: made by an operator's order, watched, their password changed after a use, looked at, ended."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from accessrequests.domain.connecting import connection_string
from accessrequests.domain.events import Actor
from accessrequests.domain.offline_kits import KitState, username_for
from accessrequests.domain.window import format_moment
from accessrequests.models import OfflineKit, Target
from accessrequests.operations import offline_kits as operations
from accessrequests.operations.outbox import Claim
from accessrequests.queries import clock
from accessrequests.queries import offline_kits as queries
from accessrequests.queries.places import places_on
from workers import kit_file
from workers.connections import provisioner_for
from workers.outcomes import Done, Outcome, after
from workers.provisioners.base import ProvisionerError
from workers.provisioners.kit_keeper import KitSpec

PASSWORD_BYTES = 32

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Content:
    """What a kit holds when it is open. It is written nowhere but into its halves."""

    spec: KitSpec
    text: bytes

    @property
    def fingerprint(self) -> str:
        return kit_file.fingerprint_of(self.text)


def content_for(target: Target, roles: Sequence[str]) -> Content:
    """A new password, and everything that whoever opens the kit needs to use it."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    spec = KitSpec(username_for(target.slug), tuple(roles), password)
    said = {
        "target": target.slug,
        "username": spec.username,
        "password": password,
        "roles": list(roles),
        "connect": _ways(target, spec),
        "made_at": format_moment(clock.now()),
        "afterwards": "The product looks for each login, tells of it, and changes this password. Make a new kit then.",
    }
    return Content(spec, json.dumps(said, indent=1, ensure_ascii=False).encode())


def make(*, target: Target, holders: Sequence[str], content: Content, actor: Actor) -> OfflineKit:
    """Order it, have the target make its user, and keep that it stands. A use of the kit that was there is noted first.

    :raises ProvisionerError: the target did not; then the kit is one that was never finished.
    :raises Refused: the catalogue does not have it so.
    """
    slug = target.slug
    keeper = provisioner_for(slug).kit
    at, old = clock.now(), queries.of_target(slug)
    since = queries.watched_from(old, at=at) if old is not None else at - queries.LATE
    before = keeper.logins(content.spec, since=since, until=at)
    if old is not None:
        operations.note_logins(slug=slug, logins=before, looked_at=at)
    operations.order(slug=slug, holders=holders, fingerprint=content.fingerprint, actor=actor)
    keeper.make(content.spec)
    return operations.mark_made(slug=slug, holders=holders, fingerprint=content.fingerprint, seen=before, actor=actor)


def end(*, kit: OfflineKit, actor: Actor) -> OfflineKit:
    """:raises ProvisionerError: it is not gone."""
    slug = kit.target.slug
    evidence = provisioner_for(slug).kit.end(spec_of(kit))
    return operations.mark_ended(slug=slug, evidence=evidence, actor=actor)


def check(kit: OfflineKit) -> str:
    """Whether the target has its user as it was made; what is wrong, in a sentence.

    :raises ProvisionerError: the target does not say.
    """
    trouble = provisioner_for(kit.target.slug).kit.look(spec_of(kit))
    operations.note_check(slug=kit.target.slug, trouble=trouble)
    return trouble


def watch_kit(claim: Claim) -> Outcome:
    """Who logged in since the last look; now and then, whether it is still as it was made."""
    slug = claim.subject_name
    kit = queries.of_target(slug)
    if kit is None or kit.state == KitState.ENDED:
        return Done()
    at = clock.now()
    try:
        logins = provisioner_for(slug).kit.logins(spec_of(kit), since=queries.watched_from(kit, at=at), until=at)
        if operations.note_logins(slug=slug, logins=logins, looked_at=at):
            log.warning("offline_kit_used", target=slug, logins=len(logins))
        if kit.state != KitState.MAKING and queries.is_check_due(kit, at=at):
            check(kit)
    except ProvisionerError as error:
        return after(claim, error, target=slug)
    return Done()


def rotate_kit(claim: Claim) -> Outcome:
    """A password that nobody ever sees. One that stands was made since, and one that is gone needs none."""
    slug = claim.subject_name
    kit = queries.of_target(slug)
    if kit is None or kit.state != KitState.SPENT:
        return Done()
    spec = KitSpec(kit.username, tuple(kit.roles), secrets.token_urlsafe(PASSWORD_BYTES))
    try:
        provisioner_for(slug).kit.rotate(spec)
    except ProvisionerError as error:
        if not error.permanent:
            return after(claim, error, target=slug)
        operations.note_check(slug=slug, trouble=str(error))
        return Done()
    operations.mark_rotated(slug=slug)
    return Done()


def spec_of(kit: OfflineKit) -> KitSpec:
    return KitSpec(kit.username, tuple(kit.roles))


def _ways(target: Target, spec: KitSpec) -> Mapping[str, str]:
    """A connection string for the target, or for each of its clusters."""
    return {
        place.cluster or target.slug: connection_string(
            kind=target.kind,
            hosts=place.hosts,
            options=place.options,
            username=spec.username,
            password=spec.password,
        )
        for place in places_on(target)
    }
