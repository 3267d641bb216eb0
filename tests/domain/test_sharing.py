"""Guards what several grants on one object come to: nothing less than each needs, nothing more than was approved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessrequests.domain import sharing
from accessrequests.domain.sharing import Excess, InvalidAddress, Share

TEN = datetime(2030, 1, 1, 10, tzinfo=UTC)
TWELVE = TEN + timedelta(hours=2)

ROLES = ("read@shop", "readWrite@shop", "dbAdmin@shop")
CLUSTERS = ("c0", "c1", "c2")
# Each stands for one machine; the network holds the first two of them.
MACHINES = ("10.0.0.1/32", "10.0.0.2/32", "203.0.113.7/32")
NETWORKS = {"10.0.0.0/24": MACHINES[:2], **{machine: (machine,) for machine in MACHINES}}
MOMENTS = tuple(TEN + timedelta(hours=hours) for hours in range(4))
AFTER_ALL = MOMENTS[-1] + timedelta(days=1)


def share(*roles: str, on: tuple[str, ...] = (), from_: tuple[str, ...] = (), until: datetime | None = TEN) -> Share:
    return Share(roles=frozenset(roles), clusters=frozenset(on), addresses=frozenset(from_), until=until)


SHARES = st.builds(
    Share,
    roles=st.frozensets(st.sampled_from(ROLES), min_size=1),
    clusters=st.frozensets(st.sampled_from(CLUSTERS)),
    addresses=st.frozensets(st.sampled_from(tuple(NETWORKS))),
    until=st.sampled_from((*MOMENTS, None)),
)


def works(one: Share) -> set[tuple[str, str, str, datetime]]:
    """Which role works on which cluster, from which machine, at the end of which hour."""
    machines = {machine for network in one.addresses for machine in NETWORKS[network]} or set(MACHINES)
    moments = [at for at in (*MOMENTS, AFTER_ALL) if one.until is None or at <= one.until]
    return set(product(one.roles, one.clusters or CLUSTERS, machines, moments))


def together(shares: list[Share]) -> Share:
    """What one principal with the grants of all of them is: everything multiplies, and the latest end holds."""
    return Share(
        roles=frozenset().union(*(one.roles for one in shares)),
        clusters=frozenset().union(*(one.clusters for one in shares))
        if all(s.clusters for s in shares)
        else frozenset(),
        addresses=(
            frozenset().union(*(one.addresses for one in shares)) if all(s.addresses for s in shares) else frozenset()
        ),
        until=None if any(one.until is None for one in shares) else max(one.until for one in shares if one.until),
    )


class TestCanonicalAddress:
    @pytest.mark.parametrize(
        ("text", "canonical"),
        [
            ("203.0.113.7", "203.0.113.7/32"),
            ("203.0.113.7/32", "203.0.113.7/32"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("::ffff:203.0.113.7", "203.0.113.7/32"),
            ("::FFFF:CB00:7107/128", "203.0.113.7/32"),
            ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
            ("2001:DB8::1", "2001:db8::1/128"),
            ("2001:db8:0:0::/64", "2001:db8::/64"),
            ("::/1", "::/1"),
        ],
    )
    def test_has_one_spelling(self, text: str, canonical: str) -> None:
        assert sharing.canonical_address(text) == canonical
        assert sharing.canonical_address(canonical) == canonical

    @pytest.mark.parametrize(
        "text", ["", "0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96", "10.0.0.1/8", "10.0.0", "10.0.0.01", "fe80::1%eth0", "x"]
    )
    def test_refuses_the_rest(self, text: str) -> None:
        with pytest.raises(InvalidAddress) as refused:
            sharing.canonical_address(text)

        assert str(refused.value).endswith((".", "24."))


class TestCombined:
    @given(
        st.frozensets(st.sampled_from(ROLES)),
        st.lists(st.frozensets(st.sampled_from(ROLES)), max_size=3),
        st.frozensets(st.sampled_from(ROLES)),
    )
    def test_an_end_takes_what_was_added_for_it_alone(
        self, baseline: frozenset[str], wants: list[frozenset[str]], ended: frozenset[str]
    ) -> None:
        before = sharing.combined(baseline, [*wants, ended])

        after = before - sharing.surplus(baseline=baseline, wants=wants, ended=ended)

        assert after == sharing.combined(baseline, wants)
        assert baseline <= after
        assert all(want <= after for want in wants)


class TestLatestEnd:
    def test_lasts_as_long_as_any_use(self) -> None:
        assert sharing.latest_end([TEN, TWELVE, TEN]) == TWELVE

    def test_has_no_end_when_one_of_them_has_none(self) -> None:
        assert sharing.latest_end([TEN, None]) is None

    def test_is_not_asked_about_nothing(self) -> None:
        with pytest.raises(ValueError, match="Nothing uses it"):
            sharing.latest_end([])


class TestExceeds:
    def test_two_clusters_make_a_third_right(self) -> None:
        reads = share("read@shop", on=("c0",))
        writes = share("readWrite@shop", on=("c1",))

        assert sharing.exceeds([reads, writes]) == (
            Excess("read@shop", "c1", sharing.EVERYWHERE),
            Excess("readWrite@shop", "c0", sharing.EVERYWHERE),
        )

    def test_the_shorter_of_two_would_last_longer(self) -> None:
        short, long = share("read@shop", on=("c0",)), share("readWrite@shop", on=("c0",), until=TWELVE)

        assert [excess.role for excess in sharing.exceeds([short, long])] == ["read@shop"]
        assert sharing.exceeds([short, share("read@shop", "readWrite@shop", on=("c0",), until=TWELVE)]) == ()
        assert [excess.role for excess in sharing.exceeds([short, share("readWrite@shop", until=None)])] == [
            "read@shop"
        ]

    def test_a_wider_network_includes_a_narrower_one_of_its_kind(self) -> None:
        wide = share("read@shop", "dbAdmin@shop", from_=("10.0.0.0/24",))
        narrow = share("read@shop", from_=("10.0.0.1/32",))

        assert sharing.exceeds([wide, narrow]) == ()
        assert sharing.exceeds([wide, share("read@shop", from_=("2001:db8::1/128",))]) == (
            Excess("dbAdmin@shop", sharing.EVERYWHERE, "2001:db8::1/128"),
        )
        assert sharing.exceeds([wide, share("read@shop")]) == (
            Excess("dbAdmin@shop", sharing.EVERYWHERE, sharing.EVERYWHERE),
        )

    def test_one_alone_never_does(self) -> None:
        assert sharing.exceeds([share("read@shop", on=("c0",), from_=("10.0.0.0/24",))]) == ()
        assert sharing.exceeds([]) == ()

    def test_a_role_added_to_a_standing_user_works_wherever_it_works(self) -> None:
        standing = share("read@shop", on=("c0", "c1"), until=None)
        writes = share("readWrite@shop", on=("c0",))

        assert sharing.exceeds([writes], standing=standing) == (Excess("readWrite@shop", "c1", sharing.EVERYWHERE),)

    def test_each_role_on_a_standing_user_has_an_end_of_its_own(self) -> None:
        standing = share("read@shop", on=("c0",), until=None)
        short, long = share("readWrite@shop", on=("c0",)), share("dbAdmin@shop", until=TWELVE)

        assert sharing.exceeds([short, long], standing=standing) == ()
        assert sharing.exceeds([share("read@shop", on=("c2",))], standing=standing) == ()

    @given(st.lists(SHARES, min_size=1, max_size=4))
    def test_what_is_let_through_was_approved(self, shares: list[Share]) -> None:
        approved = set[tuple[str, str, str, datetime]]().union(*map(works, shares))

        effective = works(together(shares))

        if not sharing.exceeds(shares):
            assert effective <= approved
        elif all(one.clusters and one.addresses and "10.0.0.0/24" not in one.addresses for one in shares):
            assert not effective <= approved  # nothing is refused without need where every place is named


class TestOverlap:
    """Two of a login that we made: what both come to, at any time that some of them live."""

    @given(st.lists(SHARES, min_size=1, max_size=5), st.data())
    def test_where_no_two_exceed_no_number_of_them_ever_does(self, shares: list[Share], data: st.DataObject) -> None:
        live: list[Share] = []
        for one in shares:
            if not any(sharing.overlap(one, other) for other in live):
                live.append(one)
        # Some have ended since, each at its own time or before it.
        left = data.draw(st.lists(st.sampled_from(live), unique=True, min_size=1))

        approved = set[tuple[str, str, str, datetime]]().union(*(works(replace(one, until=TEN)) for one in left))

        assert works(replace(together(left), until=TEN)) <= approved

    def test_each_lasts_until_its_own_end(self) -> None:
        short, long = share("readWrite@shop", on=("c0",)), share("read@shop", on=("c0",), until=TWELVE)

        assert sharing.overlap(short, long) == ()
        assert sharing.exceeds([short, long])

    def test_of_two_places_the_roles_of_each_would_work_in_both(self) -> None:
        assert sharing.overlap(share("read@shop", on=("c0",)), share("readWrite@shop", on=("c1",))) == (
            Excess("read@shop", "c1", sharing.EVERYWHERE),
            Excess("readWrite@shop", "c0", sharing.EVERYWHERE),
        )
