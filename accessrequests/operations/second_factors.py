"""Proving by a second factor that it is still you, wherever a code is typed that no session remembers."""

from __future__ import annotations

from datetime import timedelta

from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.core.cache import cache
from django.db import transaction

from accessrequests.domain.events import Event
from accessrequests.domain.proofs import APP, RECOVERY_CODE, Proof
from accessrequests.models import Person
from accessrequests.operations.refusals import Refused
from accessrequests.queries import clock

MOST_TRIES = 5
TRIES_WITHIN = timedelta(minutes=5)
NO_FACTOR = "You have no second factor yet. Add one on your account page, in good time before you need it."
_WRONG = "This code is not right, or not any more. Type the one that the app shows now; each counts once."
_WRONG_PAIR = "The password or the code is not right. Each code counts once: wait for the next, then try both again."
_TOO_MANY = "Too many codes were wrong. Wait five minutes, then try again."


def prove(*, person: Person, code: str, subject: str, password: str | None = None) -> Proof:
    """Take a code, which counts once; with the password, where nobody has signed in. A refusal is kept at `subject`.

    :raises Refused: when the person has no second factor, the code or the password is wrong, or too many were.
    """
    found = _tried(person=person, code=code, password=password)
    if isinstance(found, Proof):
        return found
    raise Refused(found, event=Event.BREAKGLASS_REFUSED, subject=subject)


def spend(*, person: Person, code: str) -> bool:
    """A code counts once for as long as an app's code could be typed: allauth takes it longer than it remembers it."""
    key = f"second-factor-used:{person.pk}:{normalize_user_code(code)}"
    return bool(cache.add(key, "y", timeout=app_settings.TOTP_PERIOD * (2 * app_settings.TOTP_TOLERANCE + 1)))


@transaction.atomic(durable=True)
def _tried(*, person: Person, code: str, password: str | None) -> Proof | str:
    """The proof, or why it is none. The count of wrong ones is committed either way."""
    held = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    at = clock.now()
    factors = {one.type: one for one in Authenticator.objects.filter(user=held)}
    if Authenticator.Type.TOTP not in factors or not held.is_active:
        return NO_FACTOR
    key = f"second-factor-tries:{held.pk}"
    tries = int(cache.get(key, 0))
    if tries >= MOST_TRIES:
        return _TOO_MANY
    is_them = password is None or held.check_password(password)
    way = _way_of(factors, code.strip()) if is_them else ""
    if not way or not spend(person=held, code=code.strip()):
        cache.set(key, tries + 1, timeout=TRIES_WITHIN.total_seconds())
        return _WRONG if password is None else _WRONG_PAIR
    cache.delete(key)
    return Proof(held.pk, way, at)


def _way_of(factors: dict[str, Authenticator], code: str) -> str:
    if not code.isascii():
        return ""
    if TOTP(factors[Authenticator.Type.TOTP]).validate_code(code):
        return APP
    recovery = factors.get(Authenticator.Type.RECOVERY_CODES)
    return RECOVERY_CODE if recovery is not None and RecoveryCodes(recovery).validate_code(code) else ""
