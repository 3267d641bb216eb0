"""Changes on a target that were more than are read at once: one row in their place that says so."""

from __future__ import annotations

from datetime import UTC, datetime

from accessrequests.domain.outside import left_out, told


def test_what_was_left_out_is_said_in_its_place() -> None:
    at = datetime(2030, 1, 31, tzinfo=UTC)

    change = left_out(last_id="7" * 99, at=at)

    assert change.at == at
    assert len(change.event_id) == 64
    said = told(event=change.event, kind=change.kind, name="", actor="")
    assert said.startswith("More was changed at once than is read.")
