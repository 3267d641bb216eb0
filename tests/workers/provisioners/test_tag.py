"""Guards the proof of ownership: only our own tag, on the object that it was made for, says anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from workers.provisioners.tag import Tag, Tagger

END = datetime(2026, 11, 22, 3, 4, 5, 678_901, tzinfo=UTC)
KEY = bytes(range(32))
TAGGER = Tagger(installation="acme", target="shop-prod", key=KEY)
PRINCIPAL = "jit-acme-alice-7@admin"


def made() -> dict[str, str]:
    return TAGGER.make(principal=PRINCIPAL, grant_id=7, end=END)


class TestVerify:
    def test_reads_what_was_made(self) -> None:
        assert TAGGER.verify(made(), principal=PRINCIPAL) == Tag(grant_id=7, end=END)

    def test_writes_the_end_in_utc_whatever_the_zone(self) -> None:
        elsewhere = END.astimezone(timezone(timedelta(hours=5, minutes=30)))

        assert TAGGER.make(principal=PRINCIPAL, grant_id=7, end=elsewhere) == made()
        assert made()["end"] == "2026-11-22T03:04:05.678901+00:00"

    @pytest.mark.parametrize(
        "tagger",
        [
            Tagger(installation="other", target="shop-prod", key=KEY),
            Tagger(installation="acme", target="shop-dev", key=KEY),
            Tagger(installation="acme", target="shop-prod", key=KEY[::-1]),
        ],
    )
    def test_another_installation_target_or_key_proves_nothing(self, tagger: Tagger) -> None:
        assert tagger.verify(made(), principal=PRINCIPAL) is None
        assert TAGGER.verify(tagger.make(principal=PRINCIPAL, grant_id=7, end=END), principal=PRINCIPAL) is None

    @pytest.mark.parametrize("principal", ["jit-acme-alice-70@admin", "jit-acme-alice-7@shop", "", "root@admin"])
    def test_a_copy_on_another_object_proves_nothing(self, principal: str) -> None:
        assert TAGGER.verify(made(), principal=principal) is None

    @pytest.mark.parametrize(
        "change",
        [
            {"grant": "8"},
            {"end": (END + timedelta(seconds=1)).isoformat()},
            {"installation": "other"},
            {"mac": ""},
            {"mac": "é"},
            {"mac": made()["mac"].upper()},
            {"mac": made()["mac"][:-1]},
        ],
    )
    def test_a_changed_tag_proves_nothing(self, change: dict[str, str]) -> None:
        assert TAGGER.verify({**made(), **change}, principal=PRINCIPAL) is None

    @pytest.mark.parametrize(
        "junk",
        [
            None,
            "tag",
            [],
            {},
            {"mac": made()["mac"]},
            {**made(), "grant": 7},
            {**made(), "end": None},
            {**made(), "mac": b"x"},
            {**made(), "installation": {"$ne": ""}},
        ],
    )
    def test_junk_proves_nothing(self, junk: object) -> None:
        assert TAGGER.verify(junk, principal=PRINCIPAL) is None

    def test_parts_cannot_flow_into_each_other(self) -> None:
        one = Tagger(installation="acme", target="a", key=KEY).make(principal='b", "c', grant_id=1, end=END)
        other = Tagger(installation="acme", target='a", "b', key=KEY).make(principal="c", grant_id=1, end=END)

        assert one["mac"] != other["mac"]


class TestTagger:
    def test_keeps_its_key_to_itself(self) -> None:
        assert repr(KEY) not in repr(TAGGER)

    def test_refuses_a_short_key(self) -> None:
        with pytest.raises(ValueError, match="at least 32 bytes"):
            Tagger(installation="acme", target="shop-prod", key=b"short")
