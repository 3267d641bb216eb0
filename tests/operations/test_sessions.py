"""Sessions: what security people look for is recorded, once, and a new round ends every session of a person."""

from __future__ import annotations

from datetime import timedelta

from allauth.mfa.models import Authenticator

from accessrequests.domain.events import Event
from accessrequests.models import Person
from accessrequests.operations import sessions
from accessrequests.queries.asks import Invalid
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import Traces, leaves_nothing, refuses


class TestNotes:
    def test_a_sign_in_says_how(self, cast: Cast) -> None:
        traces = Traces()

        sessions.note_sign_in(person=cast.alice, ways=["a password", "an authenticator app"])

        assert traces.events() == [("person.signed_in", "alice", "person/alice")]
        assert traces.facts("person.signed_in") == {"way": "a password and an authenticator app"}

    def test_too_many_attempts_are_recorded_once_for_as_long_as_the_limit_lasts(
        self, cast: Cast, clock: MovableClock
    ) -> None:
        traces = Traces()

        sessions.note_too_many(username="alice")
        sessions.note_too_many(username="alice")
        assert traces.events() == [("person.sign_in_refused", "alice", "person/alice")]

        clock.advance(timedelta(minutes=6))
        sessions.note_too_many(username="alice")
        assert len(traces.events()) == 2

    def test_of_names_that_nobody_has_nothing_is_kept(self, cast: Cast) -> None:
        with leaves_nothing():
            sessions.note_too_many(username="nobody")

    def test_a_second_factor_is_never_named(self, cast: Cast) -> None:
        traces = Traces()

        changed = sessions.change_second_factor(
            person=cast.alice,
            event=Event.PERSON_SECOND_FACTOR_ADDED,
            way="an authenticator app",
            change=lambda: "what it answers",
        )

        assert changed == "what it answers"
        assert traces.facts("person.second_factor_added") == {"way": "an authenticator app"}


class TestEndSessions:
    def test_raises_the_round_that_sessions_are_in(self, cast: Cast) -> None:
        before, traces = cast.alice.get_session_auth_hash(), Traces()

        held = sessions.end_sessions(person=cast.alice)

        assert held.get_session_auth_hash() != before
        assert traces.events() == [("person.sessions_ended", "alice", "person/alice")]


class TestForgetSecondFactor:
    def test_takes_it_away_and_ends_the_sessions_that_it_proved(self, cast: Cast) -> None:
        Authenticator.objects.create(user=cast.alice, type=Authenticator.Type.TOTP, data={})
        traces = Traces()

        assert sessions.forget_second_factor(username="alice", actor=make.OPERATOR)

        assert not Authenticator.objects.exists()
        assert Person.objects.get(pk=cast.alice.pk).session_round == cast.alice.session_round + 1
        assert traces.events() == [("person.second_factor_removed", "os:tests", "person/alice")]

    def test_of_somebody_who_has_none_changes_nothing(self, cast: Cast) -> None:
        with leaves_nothing():
            assert not sessions.forget_second_factor(username="alice", actor=make.OPERATOR)


class TestTimeZone:
    def test_is_kept_and_not_recorded(self, cast: Cast) -> None:
        traces = Traces()

        sessions.set_time_zone(person=cast.alice, time_zone="Europe/Berlin")

        assert Person.objects.get(pk=cast.alice.pk).time_zone == "Europe/Berlin"
        assert traces.events() == []

    def test_is_one_that_there_is(self, cast: Cast) -> None:
        for wrong in ("Mars/Olympus", "../etc/passwd", ""):
            with refuses(Invalid):
                sessions.set_time_zone(person=cast.alice, time_zone=wrong)
