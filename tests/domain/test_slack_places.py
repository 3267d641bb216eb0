"""Guards that a channel of Slack is found under the id that it has now, however often it got another."""

from __future__ import annotations

import pytest

from accessrequests.domain.slack_places import id_now


@pytest.mark.parametrize(
    ("moved", "now"),
    [
        ({}, "C1"),
        ({"C1": ""}, "C1"),
        ({"C1": "C2"}, "C2"),
        ({"C1": "C2", "C2": "C3", "C9": "C1"}, "C3"),
        ({"C1": "C2", "C2": "C1"}, "C2"),
        ({"C1": "C1"}, "C1"),
    ],
)
def test_follows_every_move_and_ends(moved: dict[str, str], now: str) -> None:
    assert id_now("C1", moved) == now
