"""Seals an offline kit into two halves, and opens them. It runs alone: python3 kit.py HALF HALF, on any machine.

Needs Python and the package `cryptography`, and neither the product nor its database. Whoever has one half has nothing,
also with its passphrase: the two are pieces of a one-time pad (the content, and noise that is added to it by XOR). Each is
encrypted for its holder on top, with AES-256-GCM and a key that scrypt makes of the holder's passphrase.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import json
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

WHAT = "one half of an offline kit of Access Requests"
VERSION = 1
SHORTEST_PASSPHRASE = 12
# RFC 7914, section 2: N = 2^17, r = 8, p = 1 take 128 MB and some tenths of a second for each try.
COST, BLOCK, PARALLEL = 2**17, 8, 1
LARGEST = 100_000
_BLANK = b" "
_SHORTEST = 2_048  # so that its length tells nothing of what is in it


class Unopened(Exception):
    """The halves do not open. Says why, and nothing of what is in them."""


def fingerprint_of(content: bytes) -> str:
    """Tells a kit from another. The content holds a password of 256 bits at random, so that nobody finds it from this."""
    return hashlib.sha256(b"access-requests offline kit v1\n" + content).hexdigest()[:32]


def seal(content: bytes, *, target: str, holders: Sequence[str], passphrases: Sequence[str]) -> list[str]:
    """The texts of the two files, one for each holder."""
    fingerprint = fingerprint_of(content)
    padded = content.ljust(_SHORTEST, _BLANK)
    noise = secrets.token_bytes(len(padded))
    pieces = (noise, _xor(padded, noise))
    return [
        _half(piece, number=number, target=target, fingerprint=fingerprint, holder=holder, passphrase=passphrase)
        for number, (piece, holder, passphrase) in enumerate(zip(pieces, holders, passphrases, strict=True), start=1)
    ]


def open_halves(halves: Sequence[tuple[str, str]]) -> bytes:
    """What was sealed, from both files' texts, each with its holder's passphrase, in whatever order.

    :raises Unopened: when they are not the two halves of one kit, or a passphrase is wrong.
    """
    read = [(_read(text), passphrase) for text, passphrase in halves]
    if sorted(half["half"] for half, _ in read) != [1, 2]:
        raise Unopened("Give both halves: one says that it is half 1, the other that it is half 2.")
    if len({half["fingerprint"] for half, _ in read}) != 1:
        raise Unopened("These are halves of two different kits. Look at their fingerprints.")
    one, other = (_decrypted(half, passphrase) for half, passphrase in read)
    content = _xor(one, other).rstrip(_BLANK)
    if fingerprint_of(content) != read[0][0]["fingerprint"]:
        raise Unopened("The halves do not fit together: one of them was changed.")
    return content


def _half(piece: bytes, *, number: int, target: str, fingerprint: str, holder: str, passphrase: str) -> str:
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    head = {
        "what": WHAT,
        "version": VERSION,
        "target": target,
        "fingerprint": fingerprint,
        "half": number,
        "holder": holder,
    }
    sealed = AESGCM(_key(passphrase, salt)).encrypt(nonce, piece, _bound(head))
    spelled = {"salt": salt, "nonce": nonce, "sealed": sealed}
    return json.dumps({**head, **{name: base64.b64encode(said).decode() for name, said in spelled.items()}}, indent=1)


def _read(text: str) -> dict[str, Any]:
    half: dict[str, Any] = {}
    try:
        half = json.loads(text)
        known = half["what"] == WHAT and half["version"] == VERSION and half["half"] in (1, 2)
        fits = all(
            isinstance(half[name], str) for name in ("target", "fingerprint", "holder", "salt", "nonce", "sealed")
        )
    except (ValueError, TypeError, KeyError):
        known = fits = False
    if not (known and fits):
        raise Unopened("This is no half of an offline kit.")
    return half


def _decrypted(half: dict[str, Any], passphrase: str) -> bytes:
    head = {name: half[name] for name in ("what", "version", "target", "fingerprint", "half", "holder")}
    try:
        salt, nonce, sealed = (base64.b64decode(str(half[name])) for name in ("salt", "nonce", "sealed"))
        return AESGCM(_key(passphrase, salt)).decrypt(nonce, sealed, _bound(head))
    except (InvalidTag, ValueError):
        raise Unopened(f"The half of {half['holder']} does not open with this passphrase, or was changed.") from None


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=COST, r=BLOCK, p=PARALLEL).derive(passphrase.strip().encode())


def _bound(head: dict[str, Any]) -> bytes:
    """What a half says of itself is sealed with it: nobody can pass it off as another."""
    return json.dumps(head, sort_keys=True).encode()


def _xor(one: bytes, other: bytes) -> bytes:
    if len(one) != len(other):
        raise Unopened("The halves do not fit together: one of them was changed.")
    return bytes(left ^ right for left, right in zip(one, other, strict=True))


def _main(paths: Sequence[str]) -> int:
    if len(paths) != 2:  # noqa: PLR2004 - said in the sentence
        sys.stderr.write("Give the files of both halves: python3 kit.py HALF HALF\n")
        return 2
    try:
        halves = []
        for path in paths:
            text = Path(path).read_text(encoding="utf-8")[:LARGEST]
            half = _read(text)
            sys.stderr.write(f"{path}: half {half['half']} for {half['holder']}, of {half['target']}.\n")
            halves.append((text, _asked(f"Passphrase of {half['holder']}: ")))
        content = open_halves(halves)
    except (Unopened, OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"It was not opened. {error}\n")
        return 1
    sys.stderr.write(
        "Every login with this is looked for, told to many, and makes the kit useless; only one that is over within seconds "
        "may be missed. Now it is open:\n"
    )
    sys.stdout.write(content.decode() + "\n")
    return 0


def _asked(prompt: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    sys.stderr.write(prompt)
    sys.stderr.flush()
    return sys.stdin.readline()


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
