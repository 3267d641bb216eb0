"""How a grant's password is made, sealed, opened and erased, inside the operation that holds the grant's row."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime

from cryptography import x509
from django.conf import settings
from django.db.models import QuerySet

from accessrequests import sealing
from accessrequests.domain.lifecycle import CredentialState
from accessrequests.models import Credential, Grant

PASSWORD_BYTES = 24


def sealed_or_new(grant: Grant) -> str:
    """The password of this grant; made and stored on the first call, the same one ever after."""
    credential = Credential.objects.filter(grant=grant).first()
    if credential is not None and credential.sealed is not None:
        return opened(credential)
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    keep(grant, password)
    return password


def keep(grant: Grant, secret: str, *, certificate_until: datetime | None = None) -> None:
    """Seal what the grant's holder is to be shown, for the first time: a password, or a certificate with its key."""
    credential = Credential(grant=grant, state=CredentialState.NONE.value, certificate_until=certificate_until)
    credential.sealed = sealing.seal(secret, purpose=purpose_of(credential))
    credential.save()


def not_after(certificate: str) -> datetime | None:
    """Until when a certificate is good by itself; None for one that we cannot read, which is shown all the same."""
    try:
        return x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc
    except ValueError:
        return None


def renew(credential: Credential) -> None:
    """Seal a new password in place of the one that was. It is not ready until the target has it."""
    _begin_anew(credential, secrets.token_urlsafe(PASSWORD_BYTES))


def await_certificate(credential: Credential) -> None:
    """Forget the certificate that was, if nobody has read it. The worker who signs brings the next one."""
    _begin_anew(credential, "")


def bring_certificate(credential: Credential, secret: str, *, until: datetime) -> None:
    credential.sealed = sealing.seal(secret, purpose=purpose_of(credential))
    credential.certificate_until = until
    credential.save()


def opened(credential: Credential) -> str:
    """:raises CannotOpen: when the sealing key is gone."""
    return sealing.open_sealed(bytes(credential.sealed or b""), purpose=purpose_of(credential))


def _begin_anew(credential: Credential, secret: str) -> None:
    credential.generation += 1
    credential.sealed = sealing.seal(secret, purpose=purpose_of(credential))
    credential.state = CredentialState.NONE.value
    credential.sent_at = credential.ready_at = credential.revealed_at = credential.erased_at = None
    credential.save()


def make_ready(grant: Grant, at: datetime) -> None:
    Credential.objects.filter(grant=grant, state=CredentialState.NONE.value).update(
        state=CredentialState.READY.value, ready_at=at
    )


def erase(grant: Grant, at: datetime) -> bool:
    """Forget a password that nobody has read. True when there was one."""
    return bool(_forget(_unread([grant]), at))


def erase_all(grants: Collection[Grant], at: datetime) -> set[int]:
    """The same of many. Of which grants there was one: nobody changes it without the grant's row."""
    unread = _unread(grants)
    found = set(unread.values_list("grant_id", flat=True))
    if found:
        _forget(unread, at)
    return found


def _unread(grants: Collection[Grant]) -> QuerySet[Credential]:
    states = [CredentialState.NONE.value, CredentialState.READY.value]
    return Credential.objects.filter(grant__in=[grant.pk for grant in grants], state__in=states)


def _forget(credentials: QuerySet[Credential], at: datetime) -> int:
    return credentials.update(state=CredentialState.ERASED.value, sealed=None, erased_at=at)


def purpose_of(credential: Credential) -> str:
    """What a grant's secret is sealed for: it opens for this holder, and until the next one is made."""
    grant = credential.grant
    return f"{settings.ACCESS_INSTALLATION}/grant/{grant.pk}/{grant.holder_id}/{credential.generation}"
