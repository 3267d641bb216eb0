"""A grant's one-time password: shown once, renewed on demand, erased when nobody reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from django.db import transaction

from accessrequests import sealing
from accessrequests.domain import certificates, external, vouching
from accessrequests.domain.connecting import Place, connection_string
from accessrequests.domain.events import Event, Via
from accessrequests.domain.lifecycle import CredentialState, GrantState
from accessrequests.models import Credential, Grant, Person
from accessrequests.operations import _breaking, _credential
from accessrequests.operations._record import CLOCKWORK, UNREAD_LIFE, Fact, record
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import Gone, NotReady, Refused, Spent
from accessrequests.queries import clock, extensions, people
from accessrequests.queries.places import places_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection string, with the password in it if there is one; `cluster` is empty where a target has none."""

    cluster: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Revealed:
    """What the holder sees, once."""

    username: str
    expires_at: datetime
    password: str = field(repr=False)
    connections: Sequence[Connection] = field(repr=False)
    certificate: str = field(default="", repr=False)  # in place of a password, and its key behind it
    certificate_ends_at: datetime | None = None

    @property
    def connection_string(self) -> str:
        """The first; empty while the target has said of no cluster where it is."""
        return next((one.text for one in self.connections), "")


@dataclass(frozen=True, slots=True)
class Renewal:
    """A new password on its way to the target."""

    grant: Grant
    generation: int
    password: str = field(repr=False)
    sent_at: datetime | None = None  # when the target had taken it, where it has not carried it out yet


@transaction.atomic(durable=True)
def reveal(*, grant_id: int, person: Person, via: Via, idempotency: Idempotency | None = None) -> Revealed:
    """Show the password to the holder, once, and forget it.

    :raises Refused: when somebody else reaches for it.
    :raises NotReady: while the access is still being made.
    :raises Gone: when it was shown or erased, or the access has ended.
    """
    grant, credential = _locked(grant_id)
    at = clock.now()
    _check_holder(grant, person)
    _check_has_one(grant)
    if grant.state in {GrantState.REVOKING, GrantState.REVOKED} or (grant.expires_at and at >= grant.expires_at):
        raise Gone("This access has ended, and its password is erased. Ask again if you still need it.")
    if credential is None or credential.state == CredentialState.NONE:
        raise NotReady("It is not ready yet. It will be as soon as the access is live.")
    secret = _unread(grant, credential, at)
    credential.state = CredentialState.REVEALED.value
    credential.sealed, credential.revealed_at = None, at
    credential.save()
    grant.access_request.target = grant.target
    revealed = _revealed(grant, secret, at)
    facts = {"generation": credential.generation, "what": _what(grant)}
    fact = Fact(Event.CREDENTIAL_REVEALED, str(grant), facts)
    used = _breaking.used(grant, at, how=f"its {_what(grant)} was shown")
    actor = people.actor_of(person, via)
    record(fact, *used, actor=actor, at=at, idempotency=idempotency, object_id=grant.pk)
    return revealed


@transaction.atomic(durable=True)
def rotate(*, grant_id: int, person: Person, via: Via, idempotency: Idempotency | None = None) -> Grant:
    """Have a new password made on the target. The old one works until the target has the new one.

    A certificate is made anew only when the access lasts longer than the one that there is; that one works to its end.

    :raises Refused: when somebody else asks.
    :raises NotReady: while the access is still being made, or a new password is already on its way.
    :raises Gone: when the access has ended, or has a certificate that is good to its end.
    """
    grant, credential = _locked(grant_id)
    at = clock.now()
    _check_holder(grant, person)
    _check_has_one(grant)
    is_certificate = grant.access_request.has_certificate
    if is_certificate and extensions.certificate_ends(grant) is None:
        raise Gone(certificates.ONCE)
    if grant.state in {GrantState.REVOKING, GrantState.REVOKED} or (grant.expires_at and at >= grant.expires_at):
        raise Gone("This access has ended. Ask again if you still need it.")
    if grant.state != GrantState.ACTIVE or credential is None or credential.state == CredentialState.NONE:
        raise NotReady(f"A {_what(grant)} is on its way already. Wait until it is ready.")
    if is_certificate:
        _credential.await_certificate(credential)
    else:
        _credential.renew(credential)
    facts = {"generation": credential.generation, "what": _what(grant)}
    fact = Fact(Event.CREDENTIAL_ROTATION_STARTED, str(grant), facts, grant=grant)
    actor = people.actor_of(person, via)
    record(fact, actor=actor, at=at, idempotency=idempotency, object_id=grant.pk)
    return grant


@transaction.atomic(durable=True)
def start_rotation(*, grant_id: int) -> Renewal | None:
    """The password that a worker shall give to the target, or None when there is none on its way any more."""
    grant, credential = _locked(grant_id)
    if grant.state != GrantState.ACTIVE or credential is None or credential.state != CredentialState.NONE:
        return None
    return Renewal(grant, credential.generation, _credential.opened(credential), credential.sent_at)


def mark_sent(*, grant_id: int, generation: int) -> None:
    """The target has taken the new password, and may still be carrying it out: it is asked, and not told once more."""
    waiting = Credential.objects.filter(grant=grant_id, generation=generation, state=CredentialState.NONE.value)
    waiting.update(sent_at=clock.now())


@transaction.atomic(durable=True)
def mark_rotated(
    *, grant_id: int, generation: int, certificate: str = "", certificate_until: datetime | None = None
) -> None:
    """The target has the new password; or a new certificate was signed, which is good until `certificate_until`."""
    grant, credential = _locked(grant_id)
    at = clock.now()
    if credential is None or credential.generation != generation or credential.state != CredentialState.NONE:
        return
    if certificate_until is not None:
        _credential.bring_certificate(credential, certificate, until=certificate_until)
    _credential.make_ready(grant, at)
    facts = {"generation": generation, "what": _what(grant)}
    fact = Fact(Event.CREDENTIAL_ROTATED, str(grant), facts, grant=grant)
    record(fact, actor=CLOCKWORK, at=at)


@transaction.atomic(durable=True)
def erase_unread(*, grant_id: int) -> None:
    """Forget a password that was ready for `UNREAD_LIFE` and that nobody has read."""
    grant, credential = _locked(grant_id)
    at = clock.now()
    if credential is None or credential.state != CredentialState.READY or not _is_stale(credential, at):
        return
    _credential.erase(grant, at)
    record(Fact(Event.CREDENTIAL_ERASED, str(grant), {"why": "nobody read it"}), actor=CLOCKWORK, at=at)


def _unread(grant: Grant, credential: Credential, at: datetime) -> str:
    """:raises Gone: when it was shown or erased, or its sealing key was taken away, and nobody can ever open it."""
    if credential.state == CredentialState.READY and not _is_stale(credential, at):
        try:
            return _credential.opened(credential)
        except sealing.KeyGone:
            log.exception("sealing_key_is_gone", grant=grant.pk)
    if grant.access_request.has_certificate:
        raise Gone(f"This certificate has been shown or erased. {certificates.ONCE}")
    raise Spent("This password has been shown or erased. A new one can be made for as long as the access lasts.")


def _what(grant: Grant) -> str:
    return "certificate" if grant.access_request.has_certificate else "password"


def _locked(grant_id: int) -> tuple[Grant, Credential | None]:
    """The grant, its row locked, and its credential, which nobody changes without that lock; read after it."""
    Grant.objects.select_for_update(no_key=True).only("pk").get(pk=grant_id)
    grant = Grant.objects.select_related("target", "holder", "access_request", "credential").get(pk=grant_id)
    return grant, getattr(grant, "credential", None)


def _revealed(grant: Grant, secret: str, at: datetime) -> Revealed:
    is_certificate = grant.access_request.has_certificate
    return Revealed(
        username=grant.login,
        expires_at=grant.expires_at or at,
        password="" if is_certificate else secret,
        connections=[_connection(grant, place, secret) for place in places_of(grant.access_request)],
        certificate=secret if is_certificate else "",
        certificate_ends_at=_credential.not_after(secret) if is_certificate else None,
    )


def _connection(grant: Grant, place: Place, secret: str) -> Connection:
    if grant.access_request.has_certificate:
        return Connection(place.cluster, certificates.address(place))
    text = connection_string(
        kind=grant.target.kind,
        hosts=place.hosts,
        options=place.options,
        username=grant.username,
        password=secret,
    )
    return Connection(place.cluster, text)


def _is_stale(credential: Credential, at: datetime) -> bool:
    """Whether it was ready for so long that it counts as erased, even while no worker is there to erase it."""
    return credential.ready_at is None or at >= credential.ready_at + UNREAD_LIFE


def _check_has_one(grant: Grant) -> None:
    """Roles for a login that stands anyway come without a password, and so does a login that others vouch for."""
    asked = grant.access_request
    if asked.named_by_others:
        is_group = external.is_group(asked.authentication, asked.principal)
        name, places = asked.named_by_others, places_of(asked)
        raise NotReady(vouching.how(method=asked.authentication, name=name, is_group=is_group, places=places))
    if not grant.access_request.makes_a_user:
        raise NotReady(f"There is no password to this: {grant.login} goes on with the login that it has.")


def _check_holder(grant: Grant, person: Person) -> None:
    if not person.stands_for(grant.holder):
        raise Refused(
            "Only the person who holds this access can have its password.",
            event=Event.GRANT_REFUSED,
            subject=str(grant),
        )
