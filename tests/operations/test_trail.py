"""Guards what is kept of a check and of a copy of the audit trail."""

from __future__ import annotations

import pytest

from accessrequests.domain import chain
from accessrequests.domain.events import Via
from accessrequests.operations import trail
from accessrequests.operations.refusals import Refused
from accessrequests.queries import audit
from tests.make import Cast
from tests.traces import Traces, refuses


class TestNoteCheck:
    def test_keeps_what_was_found(self, cast: Cast) -> None:
        traces = Traces()

        trail.note_check(report=audit.checked_now(), person=cast.dave, via=Via.WEB)

        assert traces.events() == [("audit.verified", "dave", "audit/trail")]
        facts = traces.facts("audit.verified")
        assert (facts["ok"], facts["checked"], facts["anchored"], facts["broken_at"]) == (
            True,
            traces.sequence,
            None,
            None,
        )

    def test_keeps_where_it_is_broken(self, cast: Cast) -> None:
        traces = Traces()
        anchor = chain.Anchor(9, "a" * 64, "2030-01-31T09:30:00Z", ())
        report = chain.Report(3, "b" * 64, anchor, chain.FirstBad(4, "It does not follow."))

        trail.note_check(report=report, person=cast.erin, via=Via.WEB)

        facts = traces.facts("audit.verified")
        assert (facts["ok"], facts["broken_at"], facts["anchored"]) == (False, 4, 9)
        assert facts["why"] == "broken at event 4: It does not follow."

    @pytest.mark.parametrize("name", ["alice", "bob", "mallory"])
    def test_is_for_those_who_watch(self, cast: Cast, name: str) -> None:
        report = audit.checked_now()

        with refuses(Refused, match="Only auditors"):
            trail.note_check(report=report, person=getattr(cast, name), via=Via.WEB)


class TestNoteExport:
    @pytest.mark.parametrize(
        ("narrowed", "why"), [({}, "everything they may see"), ({"who": "bob", "via": "web"}, "who bob, via web")]
    )
    def test_keeps_who_takes_what(self, cast: Cast, narrowed: dict[str, str], why: str) -> None:
        traces = Traces()

        last = trail.note_export(written="csv", narrowed=narrowed, person=cast.alice, via=Via.WEB)

        assert last == traces.sequence
        assert traces.events() == [("audit.exported", "alice", "audit/trail")]
        facts = traces.facts("audit.exported")
        assert (facts["written"], facts["narrowed"], facts["up_to"], facts["why"]) == ("csv", narrowed, last, why)
