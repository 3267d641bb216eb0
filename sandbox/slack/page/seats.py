"""What one person's window holds that the workspace does not know: what is half done, and what to tell them."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.slack.wire import Document

Values = dict[str, dict[str, Document]]


@dataclass(slots=True)
class Pending:
    """Something pressed that asks for confirmation first."""

    place: str
    block_id: str
    action_id: str
    element: Document  # as it stood there: what is confirmed is what was pressed, whatever has become of it since
    values: Values
    style: str
    back: str

    @property
    def name(self) -> str:
        """Which question it is."""
        return f"{self.place}/{self.block_id}/{self.action_id}"


@dataclass(slots=True)
class Seat:
    """Of one person."""

    notice: str = ""
    pending: Pending | None = None
    errors: dict[str, dict[str, str]] = field(default_factory=dict)  # By view, then by block.
    offered: dict[tuple[str, str, str], Document] = field(default_factory=dict)  # By place, block and action.
    values: dict[str, Values] = field(default_factory=dict)  # What was chosen in messages, by place.

    def take_notice(self) -> str:
        """It is said once."""
        notice, self.notice = self.notice, ""
        return notice
