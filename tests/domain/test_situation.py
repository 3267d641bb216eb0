"""Guards what people are told of a grant in each of its states: what is true, why, and what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accessrequests.domain.lifecycle import EndReason, GrantState
from accessrequests.domain.situation import Situation, Standing, Tally, ends_soon, headline, situation

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def told(state: GrantState, **changes: Any) -> Situation:
    fields: dict[str, Any] = {
        "at": NOW,
        "target": "shop-prod",
        "username": "jit-7",
        "not_before": NOW - HOUR,
        "give_up_at": NOW + HOUR,
    }
    return situation(Standing(state=state, **{**fields, **changes}))


class TestWaiting:
    def test_for_its_start(self) -> None:
        found = told(GrantState.PENDING, not_before=NOW + HOUR)

        assert (found.word, found.heading) == ("scheduled", "It is approved and starts at 2 Mar 2026 13:00 UTC.")

    def test_for_a_worker(self) -> None:
        found = told(GrantState.PENDING, workers_silent=True)

        assert found.heading == "It waits to be set up."
        assert found.lines[0].startswith("The workers show no sign of life.")
        assert found.lines[-1].startswith("If that does not succeed by 2 Mar 2026 13:00 UTC")

    def test_for_the_target(self) -> None:
        found = told(GrantState.PENDING, setting_up=True, away_since=NOW, last_error="No answer.")

        assert found.heading == "It waits to be set up."
        assert found.lines[0].startswith("shop-prod has not answered since 2 Mar 2026 12:00 UTC.")
        assert found.lines[1] == "The last try did not succeed: No answer."

    def test_while_it_is_made(self) -> None:
        assert told(GrantState.PENDING, setting_up=True).heading == "Your user is being made."

    @pytest.mark.parametrize("state", [GrantState.PENDING, GrantState.REVOKING])
    def test_for_long_says_for_what(self, state: GrantState) -> None:
        found = told(state, waits_for="shop0 has not carried it out yet.")

        assert "It takes longer than usual: shop0 has not carried it out yet." in found.lines


class TestLive:
    def test_taken_by_the_target_says_that_it_gets_ready(self) -> None:
        found = told(GrantState.PENDING, setting_up=True, taken_at=NOW)
        assert found.heading.startswith("shop-prod has taken it at ")
        assert found.heading.endswith("is getting ready to let you in.")

    def test_says_little(self) -> None:
        found = told(GrantState.ACTIVE, starts_at=NOW - HOUR, expires_at=NOW + HOUR)

        assert (found.word, found.tone, found.lines) == ("live", "ok", ())

    def test_says_that_the_target_is_away(self) -> None:
        away = "shop-prod has not answered since 2 Mar 2026 12:00 UTC; it may not take logins now."

        late = told(GrantState.ACTIVE, starts_at=NOW - HOUR, expires_at=NOW + HOUR, away_since=NOW)
        soon = told(GrantState.ACTIVE, starts_at=NOW - HOUR, expires_at=NOW + HOUR / 6, away_since=NOW)

        assert (late.word, late.lines) == ("live", (away,))
        assert (soon.word, soon.lines[1:]) == ("ends soon", (away,))

    def test_warns_before_it_ends(self) -> None:
        found = told(GrantState.ACTIVE, starts_at=NOW - HOUR, expires_at=NOW + timedelta(minutes=14))

        assert (found.word, found.heading) == ("ends soon", "It ends soon at 2 Mar 2026 12:14 UTC.")

    @pytest.mark.parametrize(
        ("started", "left", "expected"),
        [(HOUR, HOUR, False), (HOUR, timedelta(minutes=14), True), (30 * HOUR, 2 * HOUR, True)],
    )
    def test_soon_is_a_quarter_of_an_hour_or_a_tenth(self, started: timedelta, left: timedelta, expected: bool) -> None:
        assert ends_soon(starts_at=NOW - started, expires_at=NOW + left, at=NOW) is expected

    def test_soon_is_never_for_what_has_no_end(self) -> None:
        assert not ends_soon(starts_at=None, expires_at=None, at=NOW)


class TestEnding:
    def test_says_why(self) -> None:
        found = told(GrantState.REVOKING, reason=EndReason.REVOKED, ended_by="bob", note="Leaver.")

        assert (found.word, found.heading) == ("ending", "It is being ended: bob revoked it (Leaver).")

    def test_cut_is_not_clean(self) -> None:
        found = told(GrantState.REVOKING, reason=EndReason.EXPIRY, cut_at=NOW, overdue=True)

        assert found.word == "login is off"
        assert found.heading == "Login is off since 2 Mar 2026 12:00 UTC: its time is over."

    @pytest.mark.parametrize("state", [GrantState.ACTIVE, GrantState.REVOKING])
    def test_overdue_says_that_it_may_still_work_and_what_to_do_by_hand(self, state: GrantState) -> None:
        found = told(state, overdue=True, expires_at=NOW - HOUR)

        assert (found.tone, found.heading) == ("bad", "This access may still work.")
        assert found.lines[0] == "It should have ended at 2 Mar 2026 11:00 UTC: its time is over."
        assert "on shop-prod the user jit-7 must be dropped by hand" in found.lines[-1]


class TestOver:
    @pytest.mark.parametrize("reason", EndReason)
    def test_says_how_it_ended_and_what_next(self, reason: EndReason) -> None:
        found = told(GrantState.REVOKED, reason=reason, ended_by="bob", gone_at=NOW, cut_at=NOW)

        assert found.word
        assert found.heading.startswith("It has ended: ")
        assert found.lines[0] == "The target confirmed at 2 Mar 2026 12:00 UTC that nothing of it is left."
        assert len(found.lines) == 2

    def test_names_who(self) -> None:
        assert told(GrantState.REVOKED, reason=EndReason.REVOKED, ended_by="bob").word == "revoked by bob"
        assert told(GrantState.REVOKED, reason=EndReason.RELEASED, ended_by="al", is_mine=True).word == "ended by you"
        assert told(GrantState.REVOKED, reason=EndReason.RELEASED, ended_by="al").word == "given back"

    def test_never_mixes_up_what_never_was(self) -> None:
        found = told(GrantState.REVOKED, reason=EndReason.PROVISIONING_FAILED, was_open=False, note="Too many users.")

        assert found.heading == "No access was created: it could not be set up (Too many users)."


class TestHeadline:
    @pytest.mark.parametrize(
        ("live", "coming", "ending", "expected"),
        [
            (2, 1, 0, "Two grants are live, one is being set up."),
            (1, 0, 0, "One grant is live."),
            (0, 2, 1, "Two grants are being set up, one is ending."),
            (12, 0, 2, "12 grants are live, two are ending."),
            (0, 0, 0, "You hold no database access, and none is on its way."),
        ],
    )
    def test_counts_in_words(self, live: int, coming: int, ending: int, expected: str) -> None:
        assert headline(Tally(live=live, setting_up=coming, ending=ending)) == expected

    def test_names_what_is_not_live(self) -> None:
        tally = Tally(live=1, ending=1, scheduled=1)

        assert tally.words == "1 live, 1 ending, 1 scheduled"
        assert headline(tally) == "One grant is live, one is ending, one is scheduled."


def test_a_tally_counts_every_kind() -> None:
    assert Tally(live=1, setting_up=2, ending=3, scheduled=4).total == 10
