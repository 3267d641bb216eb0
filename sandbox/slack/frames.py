"""The server's side of a websocket (RFC 6455): the handshake, and frames in and out. Just what Socket Mode needs."""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import Protocol

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
_CONTINUATION = 0x0
_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FINAL, _MASKED = 0x80, 0x80
_LONGEST = 1_000_000
_IN_ONE_BYTE, _IN_TWO_BYTES = 125, 65_535
_TWO_MORE, _EIGHT_MORE = 126, 127


class Source(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes: ...


class Closed(Exception):
    """The other side has gone, or speaks something else."""


def accept_key(key: str) -> str:
    """What the handshake's answer has to say to the key of its request."""
    return base64.b64encode(hashlib.sha1(f"{key}{_MAGIC}".encode(), usedforsecurity=False).digest()).decode()


def frame(payload: bytes, *, kind: int = TEXT) -> bytes:
    """One whole frame; a server does not mask."""
    length = len(payload)
    if length <= _IN_ONE_BYTE:
        header = struct.pack("!BB", _FINAL | kind, length)
    elif length <= _IN_TWO_BYTES:
        header = struct.pack("!BBH", _FINAL | kind, _TWO_MORE, length)
    else:
        header = struct.pack("!BBQ", _FINAL | kind, _EIGHT_MORE, length)
    return header + payload


def read_message(source: Source) -> tuple[int, bytes]:
    """The next message and its kind; parts of a long one are put together.

    :raises Closed: nothing more comes.
    """
    kind, whole = 0, b""
    while True:
        is_last, part, payload = _read_frame(source)
        if part in {CLOSE, PING, PONG}:
            return part, payload
        kind = kind if part == _CONTINUATION else part
        whole += payload
        if len(whole) > _LONGEST:
            raise Closed
        if is_last:
            return kind, whole


def _read_frame(source: Source) -> tuple[bool, int, bytes]:
    first, second = _exactly(source, 2)
    length = second & ~_MASKED
    if length == _TWO_MORE:
        (length,) = struct.unpack("!H", _exactly(source, 2))
    elif length == _EIGHT_MORE:
        (length,) = struct.unpack("!Q", _exactly(source, 8))
    if length > _LONGEST or not second & _MASKED:
        raise Closed  # Clients have to mask.
    mask = _exactly(source, 4)
    payload = bytes(byte ^ mask[number % 4] for number, byte in enumerate(_exactly(source, length)))
    return bool(first & _FINAL), first & 0x0F, payload


def _exactly(source: Source, count: int) -> bytes:
    try:
        found = source.read(count)
    except (OSError, ValueError) as error:
        raise Closed from error
    if len(found) != count:
        raise Closed
    return found
