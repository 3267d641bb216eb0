"""Guards the form of events for other programs, and which receiver hears of which."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from accessrequests.domain.cloud_events import cloud_event, is_wanted


def test_an_event_has_what_cloud_events_asks_for() -> None:
    made = cloud_event(
        number=7,
        installation="acme1",
        source="https://access.example.com",
        event="breakglass.activated",
        subject="access_request/3",
        at=datetime(2026, 11, 22, 3, 14, 15, tzinfo=UTC),
        data={"actor": "frank"},
    )

    assert made == {
        "specversion": "1.0",
        "id": "acme1-7",
        "source": "https://access.example.com",
        "type": "breakglass.activated",
        "subject": "access_request/3",
        "time": "2026-11-22T03:14:15Z",
        "datacontenttype": "application/json",
        "data": {"actor": "frank"},
    }


@pytest.mark.parametrize(
    ("types", "wanted"),
    [
        ([], True),
        (["breakglass.*"], True),
        (["grant.*", "breakglass.activated"], True),
        (["breakglass.ended"], False),
        (["breakglass"], False),
    ],
)
def test_a_receiver_chooses_by_name_or_by_how_names_begin(types: list[str], wanted: bool) -> None:
    assert is_wanted("breakglass.activated", types) is wanted
