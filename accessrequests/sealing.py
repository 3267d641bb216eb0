"""Seal and open one-time secrets, so that a copy of the database alone reveals nothing.

AES-256-GCM (NIST SP 800-38D) with a fresh 96-bit nonce a message. Every sealed value names its key, so that keys
rotate: put the new key first in `ACCESS_SEALING_KEYS`, seal anew what is left under the old one (`manage.py reseal`), and
take that one away.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

KEY_BYTES = 32
NONCE_BYTES = 12


class CannotOpen(Exception):
    """The sealed value, its purpose and our keys do not fit together. Says nothing of the content."""


class KeyGone(CannotOpen):
    """Nobody can open it any more: its key was taken away."""


def seal(secret: str, *, purpose: str, keys: Mapping[str, bytes] | None = None) -> bytes:
    """Seal `secret` so that it opens only for the same `purpose` (which is authenticated, not stored).

    Under the installation's keys, unless others are named.
    """
    key_id, key = next(iter((keys or _keys()).items()))
    nonce = os.urandom(NONCE_BYTES)
    return b".".join(
        [
            key_id.encode(),
            base64.urlsafe_b64encode(nonce + AESGCM(key).encrypt(nonce, secret.encode(), purpose.encode())),
        ]
    )


def open_sealed(sealed: bytes, *, purpose: str, keys: Mapping[str, bytes] | None = None) -> str:
    """:raises CannotOpen: when the key is gone, the value was changed, or it was sealed for something else."""
    key_id, _, body = bytes(sealed).partition(b".")
    key = (keys or _keys()).get(key_id.decode(errors="replace"))
    if key is None:
        raise KeyGone("The key that sealed this value is no longer among those in use.")
    try:
        raw = base64.urlsafe_b64decode(body)
        return AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], purpose.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise CannotOpen("The sealed value does not fit its key or its purpose.") from error


def key_of(secret: str) -> dict[str, bytes]:
    """A key for what only those may open who have `secret` themselves (HKDF, RFC 5869).

    Web processes hold the installation's keys, and must not be able to open what belongs to workers.
    """
    derive = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"access-requests sealing")
    return {"own": derive.derive(secret.encode())}


def key_names() -> list[str]:
    """Those of the installation's keys, the one that seals first.

    :raises CannotOpen: when the setting is not what it should be.
    """
    return list(_keys())


def key_of_sealed(sealed: bytes) -> str:
    """The name of the key that it was sealed with."""
    return bytes(sealed).partition(b".")[0].decode(errors="replace")


def _keys() -> dict[str, bytes]:
    """Newest first.

    :raises CannotOpen: when the setting is not what it should be.
    """
    try:
        keys = dict(_key(entry) for entry in settings.ACCESS_SEALING_KEYS.rstrip(", \n").split(","))
    except ValueError as error:
        raise CannotOpen("ACCESS_SEALING_KEYS must hold entries of the form name:base64url of 32 bytes.") from error
    return keys


def _key(entry: str) -> tuple[str, bytes]:
    key_id, _, encoded = entry.strip().partition(":")
    key = base64.urlsafe_b64decode(encoded)
    # A sealed value names its key before the first dot.
    if not key_id or "." in key_id or len(key) != KEY_BYTES:
        raise ValueError("not a key")
    return key_id, key
