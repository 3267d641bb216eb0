"""Guards the time box: only lengths and moments that mean one thing are taken, and what is written reads back."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessrequests.domain import window

LENGTHS = st.integers(min_value=1, max_value=366 * 86_400).map(lambda seconds: timedelta(seconds=seconds))


class TestParseDuration:
    @pytest.mark.parametrize(
        ("text", "length"),
        [
            ("PT2H", timedelta(hours=2)),
            ("PT10S", timedelta(seconds=10)),
            ("PT90M", timedelta(minutes=90)),
            ("P1D", timedelta(days=1)),
            ("P1DT30M", timedelta(days=1, minutes=30)),
            ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
            ("PT007H", timedelta(hours=7)),
            ("P0DT1S", timedelta(seconds=1)),
            ("P366D", timedelta(days=366)),
        ],
    )
    def test_takes(self, text: str, length: timedelta) -> None:
        assert window.parse_duration(text) == length

    @pytest.mark.parametrize(
        "text",
        [
            *(
                "",
                "P",
                "PT",
                "P1DT",
                "T2H",
                "2H",
                "PT2",
                "pt2h",
                "PT2h",
                " PT2H",
                "PT2H ",
                "PT2H\n",
                "+PT2H",
                "-PT2H",
                "PT-2H",
            ),
            *(
                "2:00:00",
                "02:00",
                "7200",
                "2 hours",
                "P1W",
                "P1M",
                "P1Y",
                "PT1.5H",
                "PT1,5H",
                "PT2M1H",
                "P1H",
                "PT1D",
                "PT2HT1M",
            ),
            *("PT\u0662H", "PT\uff12H", "PT100000000S", "P" + "9" * 5_000 + "D", "PT2H\x00"),
            *(7_200, 2.5, True, None, timedelta(hours=2), ["PT2H"], {"hours": 2}, b"PT2H"),
        ],
    )
    def test_refuses_what_is_not_a_length(self, text: object) -> None:
        with pytest.raises(window.InvalidDuration, match=r"like PT2H\.$"):
            window.parse_duration(text)

    @pytest.mark.parametrize("text", ["PT0S", "P0D", "P0DT0H0M0S"])
    def test_refuses_zero(self, text: str) -> None:
        with pytest.raises(window.InvalidDuration, match="zero"):
            window.parse_duration(text)

    @pytest.mark.parametrize("text", ["P367D", "P366DT1S", "PT8785H", "P99999999DT99999999H99999999M99999999S"])
    def test_refuses_more_than_366_days(self, text: str) -> None:
        with pytest.raises(window.InvalidDuration, match="over 366 days"):
            window.parse_duration(text)

    @given(st.text(alphabet="PTDHMS0123456789 .:-", max_size=20))
    def test_gives_a_length_in_bounds_or_refuses(self, text: str) -> None:
        try:
            length = window.parse_duration(text)
        except window.InvalidDuration:
            return
        assert timedelta(0) < length <= window.LONGEST


class TestReadLength:
    @pytest.mark.parametrize(
        ("text", "length"),
        [
            ("90 min", timedelta(minutes=90)),
            ("2h", timedelta(hours=2)),
            (" 1 h 30 min ", timedelta(minutes=90)),
            ("1h30m", timedelta(minutes=90)),
            ("1H30", timedelta(minutes=90)),
            ("2h05", timedelta(minutes=125)),
            ("1.5 hours", timedelta(minutes=90)),
            ("1,5 H", timedelta(minutes=90)),
            ("1 hour and 5 minutes", timedelta(minutes=65)),
            ("2 weeks", timedelta(days=14)),
            ("pt45m", timedelta(minutes=45)),
            ("366 days", timedelta(days=366)),
        ],
    )
    def test_takes_what_people_write(self, text: str, length: timedelta) -> None:
        assert window.read_length(text) == length

    @pytest.mark.parametrize(
        "text",
        ["", " ", "2", "1h3", "1h60", "h30", "h", "30 min 1 h", "1 h 1 h", "2:00:00", "-1 h", "1 fortnight", "p"],
    )
    def test_refuses_what_could_mean_two_things(self, text: str) -> None:
        with pytest.raises(window.InvalidDuration):
            window.read_length(text)

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [("0 min", "is zero"), ("0.5 s", "is zero"), ("367 d", "over 366 days"), ("99999999 w", "over")],
    )
    def test_keeps_within_bounds(self, text: str, sentence: str) -> None:
        with pytest.raises(window.InvalidDuration, match=sentence):
            window.read_length(text)

    @given(LENGTHS)
    def test_reads_what_is_written_and_what_is_spelt(self, length: timedelta) -> None:
        assert window.read_length(window.format_duration(length)) == length
        assert window.read_length(window.spell_duration(length)) == length

    @given(st.text(max_size=40))
    def test_takes_or_refuses_anything(self, text: str) -> None:
        with suppress(window.InvalidDuration):
            assert timedelta(0) < window.read_length(text) <= window.LONGEST


class TestFormatDuration:
    @pytest.mark.parametrize(
        ("length", "text"),
        [
            (timedelta(hours=2), "PT2H"),
            (timedelta(hours=24), "P1D"),
            (timedelta(minutes=90), "PT1H30M"),
            (timedelta(seconds=10), "PT10S"),
            (timedelta(days=1, minutes=30), "P1DT30M"),
            (timedelta(days=366), "P366D"),
            (timedelta(seconds=1, microseconds=999_999), "PT1S"),
            (timedelta(0), "PT0S"),
            (timedelta(seconds=-5), "PT0S"),
        ],
    )
    def test_writes_the_shortest_form(self, length: timedelta, text: str) -> None:
        assert window.format_duration(length) == text

    @given(LENGTHS)
    def test_reads_back(self, length: timedelta) -> None:
        assert window.parse_duration(window.format_duration(length)) == length


class TestSpellDuration:
    @pytest.mark.parametrize(
        ("length", "words"),
        [
            (timedelta(hours=2), "2 hours"),
            (timedelta(hours=1, minutes=30), "1 hour 30 minutes"),
            (timedelta(days=1, seconds=1), "1 day 1 second"),
            (timedelta(days=2, hours=1, minutes=1), "2 days 1 hour 1 minute"),
            (timedelta(0), "0 seconds"),
        ],
    )
    def test_says_it_in_words(self, length: timedelta, words: str) -> None:
        assert window.spell_duration(length) == words


class TestParseMoment:
    @pytest.mark.parametrize(
        ("text", "at"),
        [
            ("2030-01-31T09:30:00Z", datetime(2030, 1, 31, 9, 30, tzinfo=UTC)),
            ("2030-01-31t09:30:00z", datetime(2030, 1, 31, 9, 30, tzinfo=UTC)),
            ("2030-01-31T09:30:00.5Z", datetime(2030, 1, 31, 9, 30, 0, 500_000, tzinfo=UTC)),
            ("2030-01-31T09:30:00.123456789Z", datetime(2030, 1, 31, 9, 30, 0, 123_456, tzinfo=UTC)),
            ("2030-01-31T09:30:00+01:30", datetime(2030, 1, 31, 8, 0, tzinfo=UTC)),
            ("2030-01-31T23:30:00-02:00", datetime(2030, 2, 1, 1, 30, tzinfo=UTC)),
            ("2028-02-29T00:00:00-00:00", datetime(2028, 2, 29, tzinfo=UTC)),
        ],
    )
    def test_takes(self, text: str, at: datetime) -> None:
        parsed = window.parse_moment(text)

        assert parsed == at
        assert parsed.tzinfo is UTC

    @pytest.mark.parametrize(
        "text",
        [
            *(
                "",
                "now",
                "2030-01-31",
                "2030-01-31T09:30:00",
                "2030-01-31 09:30:00Z",
                "2030-01-31T09:30Z",
                "20300131T093000Z",
            ),
            *("2030-13-01T00:00:00Z", "2030-02-30T00:00:00Z", "2030-01-31T24:00:00Z", "2030-01-31T09:30:60Z"),
            *(
                "2030-01-31T09:30:00+24:00",
                "2030-01-31T09:30:00+01:60",
                "2030-01-31T09:30:00+0100",
                "2030-01-31T09:30:00Z\n",
            ),
            *(
                "0000-01-01T00:00:00Z",
                "0001-01-01T00:00:00+01:00",
                "9999-12-31T23:59:59-01:00",
                "2030-01-31T09:30:00.Z",
            ),
            *("\u0662\u0660\u0663\u0660-01-31T09:30:00Z", 1_900_000_000, None, datetime(2030, 1, 31, tzinfo=UTC)),
        ],
    )
    def test_refuses_what_is_not_a_moment(self, text: object) -> None:
        with pytest.raises(window.InvalidMoment, match="RFC 3339"):
            window.parse_moment(text)

    @given(
        st.datetimes(min_value=datetime(1000, 1, 2), max_value=datetime(9999, 12, 30)),  # noqa: DTZ001 - the zone follows
        st.integers(min_value=-1439, max_value=1439),
    )
    def test_reads_what_python_writes_in_any_zone(self, naive: datetime, minutes: int) -> None:
        at = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))

        assert window.parse_moment(at.isoformat()) == at


class TestBox:
    def test_ends_a_length_after_its_start(self) -> None:
        started_at = datetime(2030, 1, 31, 23, tzinfo=UTC)

        assert window.ends_at(started_at, timedelta(hours=2)) == datetime(2030, 2, 1, 1, tzinfo=UTC)
