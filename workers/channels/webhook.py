"""Webhooks: one signed POST, to an address that was looked at first, with no redirect and no second chance.

Signed as Standard Webhooks 1.0 has it: the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`, the last
`v1,` and the base64 of HMAC-SHA256 over id, timestamp and body with a dot between them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Mapping
from typing import Any

from accessrequests.domain.cloud_events import CONTENT_TYPE
from workers.receivers import Receiver

CONNECT_SECONDS = 2.0
SECONDS = 5.0
LARGEST = 64 * 1024
# RFC 6052: an IPv6 address that means an IPv4 address behind a translator, which could be any of ours.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotDelivered(Exception):
    """The receiver did not take the event. The text names no secret."""


def post(receiver: Receiver, event: Mapping[str, Any], *, now: int) -> None:
    """:raises NotDelivered: unless it is answered with 2xx in time."""
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    if len(body) > LARGEST:
        raise NotDelivered(f"The event is larger than {LARGEST // 1024} kB.")
    try:
        status = _posted(receiver, body, headers=_headers(receiver, str(event["id"]), body, now))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotDelivered(f"{receiver.name} could not be reached ({type(error).__name__}).") from error
    if not http.client.OK <= status < http.client.MULTIPLE_CHOICES:
        raise NotDelivered(f"{receiver.name} answered with {status}.")


def signature(secret: str, *, number: str, timestamp: int, body: bytes) -> str:
    signed = f"{number}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()}"


def _headers(receiver: Receiver, number: str, body: bytes, now: int) -> dict[str, str]:
    return {
        "Content-Type": CONTENT_TYPE,
        "User-Agent": "access-requests",
        "webhook-id": number,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(receiver.secret, number=number, timestamp=now, body=body),
    }


def _posted(receiver: Receiver, body: bytes, *, headers: Mapping[str, str]) -> int:
    """The status. What is in the answer is never read, so that no receiver can keep us busy with it."""
    url = receiver.url
    is_secure = url.scheme == "https"
    port = url.port or (http.client.HTTPS_PORT if is_secure else http.client.HTTP_PORT)
    connection = http.client.HTTPConnection(str(url.hostname), port, timeout=SECONDS)
    connection.sock = _connected(receiver, port)
    if is_secure:
        context = ssl.create_default_context(cafile=receiver.ca_file or None)
        connection.sock = context.wrap_socket(
            connection.sock, server_hostname=url.hostname, do_handshake_on_connect=False
        )
    # A receiver that sends one byte a second would be waited for without end: each byte begins the time-out anew.
    watchdog = threading.Timer(SECONDS, _hang_up, [connection.sock])
    watchdog.start()
    try:
        connection.request("POST", f"{url.path or '/'}{f'?{url.query}' if url.query else ''}", body, dict(headers))
        return connection.getresponse().status
    finally:
        watchdog.cancel()
        connection.close()


def _hang_up(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already


def _connected(receiver: Receiver, port: int) -> socket.socket:
    """Connected to the very address that was looked at: asked again, the name could mean another.

    :raises NotDelivered: when one of its addresses is none that we go to.
    """
    found = socket.getaddrinfo(str(receiver.url.hostname), port, type=socket.SOCK_STREAM)
    places = [ipaddress.ip_address(str(place[0]).partition("%")[0]) for *_, place in found]
    for place in places:
        if not _may_go_to(place, is_internal=receiver.is_internal):
            raise NotDelivered(
                f"{receiver.name} stands at an address inside our own network, or at none that can be reached. Events "
                "go there only when its entry says is_internal: true."
            )
    return socket.create_connection((str(places[0]), port), timeout=CONNECT_SECONDS)


def _may_go_to(place: Address, *, is_internal: bool) -> bool:
    """Public addresses; where the operator says so, private and loopback ones too. Never link-local: clouds keep their
    own secrets there.
    """
    if isinstance(place, ipaddress.IPv6Address):
        inner = place.ipv4_mapped or place.sixtofour
        if inner is not None:
            return _may_go_to(inner, is_internal=is_internal)
        if place in _TRANSLATED:
            return False
    if place.is_link_local or place.is_multicast or place.is_unspecified or place.is_reserved:
        return False
    return place.is_global or (is_internal and (place.is_private or place.is_loopback))
