"""Guards the words that sentences are made of: people's texts are made harmless, and a title says it all in one line."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessrequests.domain import wording
from accessrequests.domain.approvals import Step
from accessrequests.domain.lifecycle import EndReason
from accessrequests.domain.privileges import Level

TWO_HOURS = timedelta(hours=2)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (wording.counted(1, "request"), "1 request"),
        (wording.counted(2, "request"), "2 requests"),
        (wording.counted(0, "person", "people"), "0 people"),
    ],
)
def test_a_number_of_things_is_in_the_singular_for_one_alone(told: str, said: str) -> None:
    assert told == said


class TestOneLine:
    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("  Refund totals\r\nare\toff  ", "Refund totals are off"),
            ("To: all\nBcc: mallory@example.com", "To: all Bcc: mallory@example.com"),
            ("a\x00b\x1b[31mc\x7f", "ab[31mc"),
            ("pay\u202egnp.exe\u2066\u200b\ufeff", "paygnp.exe"),
            ("one\u2028two\u2029three\x85four", "one two three four"),
            ("half \ud800 a character", "half a character"),
            ("Zoë Ångström 令", "Zoë Ångström 令"),
            ("\n\t ", ""),
        ],
    )
    def test_hides_what_could_deceive(self, text: str, line: str) -> None:
        assert wording.one_line(text) == line

    def test_shortens_and_says_so(self) -> None:
        assert wording.one_line("abcde fghij", 8) == "abcde f…"
        assert wording.one_line("abcde fghij", 7) == "abcde…"
        assert wording.one_line("abcde", 5) == "abcde"

    @given(st.text(max_size=400), st.integers(min_value=1, max_value=80))
    def test_is_one_line_within_its_length(self, text: str, longest: int) -> None:
        line = wording.one_line(text, longest)

        assert len(line) <= longest
        assert len(line.splitlines()) <= 1
        assert not any(unicodedata.category(mark) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for mark in line)


class TestParagraphs:
    def test_keep_their_lines(self) -> None:
        assert wording.paragraphs("\nOne\u202e  two\r\n\r\nthree\x00\n") == "One two\n\nthree"


class TestPieces:
    def test_end_a_sentence_with_one_full_stop_shortened_or_not(self) -> None:
        assert f"It was denied{wording.because('Use the replica.')}." == "It was denied: Use the replica."
        assert wording.because("Wait…") == ": Wait"
        assert wording.because("...") == ""
        for long in ("x" * 300, "x" * 198 + " yz"):
            assert wording.because(long).endswith("x […]")
            assert wording.because(wording.one_line(long)) == wording.because(long)
            assert wording.ending(None, note=long).endswith("x […])")

    def test_name_somebody(self) -> None:
        assert wording.name("Alice\nArcher") == "Alice Archer"
        assert wording.name("\u200b") == "Somebody"
        assert len(wording.name("x" * 500)) == wording.LONGEST_NAME

    def test_give_a_reason_or_nothing(self) -> None:
        assert wording.because("The server is away.\n") == ": The server is away"
        assert wording.because(" ") == ""

    def test_tell_moments_in_utc(self) -> None:
        at = datetime(2030, 1, 31, 10, 30, 5, tzinfo=timezone(timedelta(hours=1)))

        assert wording.moment(at) == "31 Jan 2030 09:30:05 UTC"
        assert wording.moment(at) == wording.moment(at.astimezone(UTC))

    def test_count_the_people_needed(self) -> None:
        steps = (Step("data-owners", 1), Step("security", 2))

        assert wording.people_needed(steps) == "1 person of data-owners and 2 people of security"
        assert wording.people_needed(()) == "an answer"

    @pytest.mark.parametrize(
        ("reason", "said"),
        [
            (EndReason.EXPIRY, "its time is over"),
            (EndReason.RELEASED, "alice gave it back"),
            (EndReason.REVOKED, "alice revoked it"),
            (EndReason.PROVISIONING_FAILED, "it could not be set up"),
            (EndReason.DRIFT, "it was changed on the target"),
            (EndReason.PERSON_DISABLED, "the person's account is off"),
            (EndReason.ELIGIBILITY_LOST, "the policy no longer allows it"),
            (EndReason.TARGET_RETIRED, "the target is retired"),
            (None, "it was ended"),
        ],
    )
    def test_say_why_a_grant_ends(self, reason: EndReason | None, said: str) -> None:
        assert wording.ending(reason, by="alice") == said
        assert wording.ending(reason, by="alice", note="no need.") == f"{said} (no need)"

    @pytest.mark.parametrize("reason", EndReason)
    def test_do_not_stumble_over_braces(self, reason: EndReason) -> None:
        assert "{x}" in wording.ending(reason, by="{0}", note="{x}")


class TestDeed:
    @pytest.mark.parametrize(
        ("clusters", "where"),
        [
            (["orders"], "on the cluster orders of shop-prod"),
            (["orders", "reports"], "on the clusters orders and reports of shop-prod"),
        ],
    )
    def test_names_the_clusters_that_it_is_for(self, clusters: list[str], where: str) -> None:
        told = wording.deed(roles=["read@shop"], level=Level.READ, target="shop-prod", clusters=clusters)

        assert told == f"read shop {where}"

    def test_tells_a_role_that_cannot_be_read_as_it_is(self) -> None:
        told = wording.deed(roles=["read", "x@y"], level=Level.READ, target="shop-prod")

        assert told == "administer shop-prod with read and x@y, whose reach is unknown"

    @pytest.mark.parametrize(
        ("roles", "level", "deed"),
        [
            (["read@shop.orders"], Level.READ, "read shop.orders on shop-prod"),
            (["readWrite@shop"], Level.WRITE, "change shop on shop-prod"),
            (["dbAdmin@shop"], Level.ADMIN, "administer shop on shop-prod"),
            (["dbOwner@shop"], Level.DELEGATING, "give or change access to shop on shop-prod"),
            (["read@shop.orders", "readWrite@shop.orders"], Level.WRITE, "change shop.orders on shop-prod"),
            (["read@shop.orders", "read@crm"], Level.READ, "read shop.orders and crm on shop-prod"),
            (["read@a", "read@b", "read@c", "read@d"], Level.READ, "read a, b and 2 more on shop-prod"),
            (["clusterMonitor@admin"], Level.ADMIN, "administer shop-prod with clusterMonitor@admin"),
            (["read@shop", "read@local"], Level.ADMIN, "administer shop-prod with read@shop and read@local"),
            (["GROUP_READ_ONLY"], Level.READ, "use GROUP_READ_ONLY in shop-prod"),
            ([], Level.READ, "read nothing on shop-prod"),
        ],
    )
    def test_is_a_verb_with_its_places(self, roles: list[str], level: Level, deed: str) -> None:
        assert wording.deed(roles=roles, level=level, target="shop-prod") == deed


class TestTitle:
    def test_says_who_wants_what_where_and_for_how_long(self) -> None:
        title = wording.title(
            requester="Alice Archer", roles=["read@shop.orders"], level=Level.READ, target="shop-prod", length=TWO_HOURS
        )

        assert title == "Alice Archer wants to read shop.orders on shop-prod for 2 hours"

    @pytest.mark.parametrize(("more", "end"), [(False, ""), (True, " more")])
    def test_needs_no_name_for_whoever_asks_for_themselves(self, more: bool, end: str) -> None:
        title = wording.own_title(
            roles=["read@shop.orders"], level=Level.READ, target="shop-prod", length=TWO_HOURS, more=more
        )

        assert title == f"Read shop.orders on shop-prod for 2 hours{end}"

    def test_says_in_whose_hands_it_would_be(self) -> None:
        said = wording.on_behalf(requester="Alice", beneficiary="Bob")
        assert said == "Alice asks for Bob, who alone holds what comes of it. Neither of them decides."
        assert "Carol answers for it" in wording.on_behalf(requester="Alice", beneficiary="CI", owner="Carol")

    @pytest.mark.parametrize(
        ("beneficiary", "wants"), [("Bob", "wants Bob to"), ("Alice", "wants to"), ("", "wants to")]
    )
    def test_names_somebody_else_who_gets_it(self, beneficiary: str, wants: str) -> None:
        title = wording.title(
            requester="Alice",
            roles=["read@shop"],
            level=Level.READ,
            target="shop-prod",
            length=TWO_HOURS,
            beneficiary=beneficiary,
        )

        assert title == f"Alice {wants} read shop on shop-prod for 2 hours"

    @pytest.mark.parametrize(("waits", "wants"), [(False, "broke the glass to"), (True, "wants to break the glass to")])
    def test_says_that_the_glass_was_broken_or_would_be(self, waits: bool, wants: str) -> None:
        title = wording.title(
            requester="Frank",
            roles=["read@shop"],
            level=Level.READ,
            target="shop-prod",
            length=TWO_HOURS,
            is_break_glass=True,
            waits=waits,
        )

        assert title == f"Frank {wants} read shop on shop-prod for 2 hours"
