"""Seals anew, with the newest key, what is in the database under an older one, so that the older one can be taken away."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Q

from accessrequests import sealing
from accessrequests.domain.events import Actor, Event
from accessrequests.models import Credential, Grant, Identity
from accessrequests.operations._credential import purpose_of as purpose_of_credential
from accessrequests.operations._record import Fact, record
from accessrequests.queries import clock
from accessrequests.queries.sealed import PURPOSE_OF_FACTORS, Kind, of_factor, purpose_of_tokens


@transaction.atomic(durable=True)
def passwords(*, actor: Actor) -> int:
    """How many were sealed anew. Whoever changes one holds its grant's row."""
    newest, unread = _newest(), Q(credential__sealed__isnull=False)
    held = Grant.objects.filter(unread).select_for_update(of=("self",), no_key=True).order_by("pk")
    ids, count = list(held.values_list("pk", flat=True)), 0
    for credential in Credential.objects.filter(grant__in=ids).exclude(sealed=None).select_related("grant"):
        sealed = _anew(bytes(credential.sealed or b""), purpose_of_credential(credential), newest)
        count += Credential.objects.filter(pk=credential.pk).update(sealed=sealed) if sealed else 0
    return _recorded(Kind.PASSWORDS, count, newest, actor)


@transaction.atomic(durable=True)
def tokens(*, actor: Actor) -> int:
    """How many were sealed anew. They stay of the same round: they are the same tokens."""
    newest, count = _newest(), 0
    held = Identity.objects.exclude(sealed_tokens=None).select_for_update(no_key=True).order_by("pk")
    for identity in held:
        sealed = _anew(bytes(identity.sealed_tokens or b""), purpose_of_tokens(identity), newest)
        count += Identity.objects.filter(pk=identity.pk).update(sealed_tokens=sealed) if sealed else 0
    return _recorded(Kind.TOKENS, count, newest, actor)


@transaction.atomic(durable=True)
def factors(*, actor: Actor) -> int:
    """How many were sealed anew: apps and recovery codes."""
    newest, count = _newest(), 0
    for factor in Authenticator.objects.select_for_update(no_key=True).order_by("pk"):
        sealed = {name: _anew(factor.data[name].encode(), PURPOSE_OF_FACTORS, newest) for name in of_factor(factor)}
        changed = {name: one.decode() for name, one in sealed.items() if one}
        if changed:
            count += Authenticator.objects.filter(pk=factor.pk).update(data=factor.data | changed)
    return _recorded(Kind.FACTORS, count, newest, actor)


def _newest() -> str:
    return sealing.key_names()[0]


def _anew(sealed: bytes, purpose: str, newest: str) -> bytes | None:
    """Nothing when it is as it should be, or nobody can open it any more: what is lost is counted, and stops no other."""
    if sealing.key_of_sealed(sealed) == newest:
        return None
    try:
        return sealing.seal(sealing.open_sealed(sealed, purpose=purpose), purpose=purpose)
    except sealing.CannotOpen:
        return None


def _recorded(kind: Kind, count: int, newest: str, actor: Actor) -> int:
    if count:
        facts = {"what": kind.value, "count": count, "name": newest}
        record(Fact(Event.DATABASE_RESEALED, "database/product", facts), actor=actor, at=clock.now())
    return count
