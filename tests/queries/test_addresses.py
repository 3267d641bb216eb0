"""Guards the addresses of an ask: each is one that somebody connects from, and together they are not everybody's."""

from __future__ import annotations

import pytest

from accessrequests.queries import asks, clock
from accessrequests.queries.asks import Invalid
from tests import make
from tests.make import Cast


def considered(cast: Cast, *addresses: str) -> tuple[str, ...]:
    asked = make.asked(source_addresses=addresses)
    return asks.consider(requester=cast.alice, asked=asked, at=clock.now()).source_addresses


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("2001:db8::7", "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
    ],
)
def test_are_kept_as_the_server_sees_them(cast: Cast, typed: str, kept: str) -> None:
    assert considered(cast, typed) == (kept,)


@pytest.mark.parametrize(
    "typed",
    [
        ("nope",),
        ("10.0.0.1/8",),
        ("fe80::1%eth0",),
        ("0.0.0.0",),
        ("::",),
        ("224.0.0.1",),
        ("0.0.0.0/0",),
        ("::/0",),
        ("0.0.0.0/1", "128.0.0.0/1"),
        ("0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/3"),
    ],
)
def test_of_nobody_or_of_everybody_are_refused(cast: Cast, typed: tuple[str, ...]) -> None:
    with pytest.raises(Invalid) as caught:
        considered(cast, *typed)
    assert set(caught.value.errors) == {"source_addresses"}
