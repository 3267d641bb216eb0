"""What the database holds sealed, and under which key: whether an older one can be taken away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

from allauth.mfa.models import Authenticator

from accessrequests import sealing
from accessrequests.models import Credential, Identity

PURPOSE_OF_FACTORS = "second-factor"


class Kind(StrEnum):
    """What outlives a key. (What a session holds sealed is given up after a quarter of an hour.)"""

    PASSWORDS = "unread passwords and certificates"
    TOKENS = "tokens of the provider of sign-ins"
    FACTORS = "second factors"


def purpose_of_tokens(identity: Identity) -> str:
    """What a provider's tokens are sealed for: they open for this subject only."""
    return f"identity/{identity.issuer}/{identity.subject}"


def by_key() -> dict[str, Counter[Kind]]:
    """How much of what is sealed under which key, by its name."""
    found: dict[str, Counter[Kind]] = {}
    for kind, sealed in _SEALED.items():
        for each in sealed():
            found.setdefault(sealing.key_of_sealed(each), Counter())[kind] += 1
    return found


def of_factor(factor: Authenticator) -> list[str]:
    """The fields of a second factor that are sealed (allauth.mfa: a secret, or the seed of recovery codes)."""
    return [name for name in ("secret", "seed") if name in factor.data]


def _passwords() -> Iterable[bytes]:
    return (bytes(one or b"") for one in Credential.objects.exclude(sealed=None).values_list("sealed", flat=True))


def _tokens() -> Iterable[bytes]:
    kept = Identity.objects.exclude(sealed_tokens=None)
    return (bytes(one or b"") for one in kept.values_list("sealed_tokens", flat=True))


def _factors() -> Iterable[bytes]:
    for factor in Authenticator.objects.iterator():
        for name in of_factor(factor):
            yield factor.data[name].encode()


_SEALED: Mapping[Kind, Callable[[], Iterable[bytes]]] = {
    Kind.PASSWORDS: _passwords,
    Kind.TOKENS: _tokens,
    Kind.FACTORS: _factors,
}
