"""Guards the network gate of Atlas: shared, dated, never somebody else's, and gone when the last grant is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from accessrequests.domain.lifecycle import EndReason
from accessrequests.models import Grant, SharedObject, SharedUse
from accessrequests.operations import grants
from tests import make
from tests.make import Cast
from tests.races.together import at_once, kinds
from tests.workers.atlas.gates import COMMENT, Gates, gates, longest_call_is_over, spec
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.base import GrantSpec, Proof, ProvisionerError

BLOCK = "203.0.113.7/32"
HERE = "203.0.113.7"


@pytest.fixture
def atlas(committed_cast: Cast) -> Iterator[Gates]:
    with gates() as made:
        yield made


@pytest.fixture
def first(committed_cast: Cast) -> Grant:
    return make.active_grant(committed_cast.alice, committed_cast.bob)


@pytest.fixture
def second(committed_cast: Cast) -> Grant:
    return make.active_grant(committed_cast.frank, committed_cast.bob)


def opened(atlas: Gates, one: GrantSpec) -> GrantSpec:
    atlas.network.prepare(one)
    atlas.network.arm(one)
    return one


def until(atlas: Gates, block: str = BLOCK) -> datetime:
    return datetime.fromisoformat(atlas.entries[block]["deleteAfterDate"])


def whole(at: datetime) -> datetime:
    """Rounded up to the second, as Atlas keeps it."""
    return (at + timedelta(microseconds=999_999)).replace(microsecond=0)


def close_by_end(atlas: Gates, one: GrantSpec) -> dict[str, str]:
    grants.end(grant_id=one.grant_id, reason=EndReason.DRIFT, note="")
    evidence = atlas.network.close(one)
    assert evidence.done, evidence
    return dict(evidence.facts["entries"])


class TestOpening:
    def test_lapses_soon_until_it_is_opened(self, atlas: Gates, first: Grant) -> None:
        one = spec(first, HERE)
        atlas.network.prepare(one)

        assert atlas.entries[BLOCK]["comment"] == COMMENT
        assert timedelta(minutes=14) < until(atlas) - make.now() <= timedelta(minutes=15, seconds=1)

        atlas.network.arm(one)

        assert until(atlas) == whole(one.expires_at)
        assert atlas.writes("accessList") == ["POST", "POST"]

    def test_is_ready_once_atlas_says_so(self, atlas: Gates, first: Grant) -> None:
        one = opened(atlas, spec(first, HERE))

        waiting = atlas.network.look(one)
        atlas.entries_reach_the_clusters()
        ready = atlas.network.look(one)

        assert (waiting.proof, waiting.exact) == (Proof.NOT_YET, True)
        assert (ready.proof, ready.exact) == (Proof.READ_BACK, True)
        told = {"status": "ACTIVE", "made_by": "us", "until": whole(one.expires_at).isoformat()}
        assert ready.evidence == {"entries": {BLOCK: told}}

    def test_repeated_changes_nothing(self, atlas: Gates, first: Grant) -> None:
        one = opened(atlas, spec(first, HERE))
        before = dict(atlas.entries[BLOCK])

        opened(atlas, one)  # a late repeat: the first step must not take away what the second gave

        assert atlas.entries[BLOCK] == before
        assert atlas.writes("accessList") == ["POST", "POST"]

    def test_makes_nothing_for_a_grant_that_ends(self, atlas: Gates, first: Grant) -> None:
        grants.end(grant_id=first.pk, reason=EndReason.DRIFT, note="")

        with pytest.raises(ProvisionerError) as refused:
            atlas.network.prepare(spec(first, HERE))

        assert refused.value.permanent
        assert not atlas.entries
        assert not SharedObject.objects.filter(kind="access_list_entry").exists()

    def test_makes_nothing_again_that_is_gone(self, atlas: Gates, first: Grant) -> None:
        one = opened(atlas, spec(first, HERE))
        atlas.somebody("DELETE", "/accessList/203.0.113.7%2F32")

        with pytest.raises(ProvisionerError, match="no longer on the access list"):
            atlas.network.arm(one)

        assert not atlas.entries
        assert not atlas.network.look(one).exact

    def test_is_too_late_after_the_end(self, atlas: Gates, first: Grant) -> None:
        with pytest.raises(ProvisionerError, match="time of this access is over"):
            atlas.network.prepare(spec(first, HERE, lasts=-timedelta(seconds=1)))

        assert not atlas.entries

    @pytest.mark.parametrize("address", ["0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96", "10.0.0.7/8"])
    def test_refuses_everywhere(self, atlas: Gates, first: Grant, address: str) -> None:
        with pytest.raises(ProvisionerError) as refused:
            atlas.network.prepare(spec(first, address))

        assert refused.value.permanent
        assert atlas.writes("accessList") == []

    def test_is_not_ours_to_prove_without_an_address(self, atlas: Gates, first: Grant) -> None:
        look = atlas.network.look(opened(atlas, spec(first)))

        assert (look.proof, look.exact, look.evidence) == (Proof.NOT_PROVABLE, True, {"entries": {}})
        assert atlas.network.close(spec(first)).done


def test_what_is_armed_for_something_that_fails_lapses_soon_again(atlas: Gates, first: Grant) -> None:
    one = spec(first, HERE)
    atlas.network.prepare(one)
    before = dict(atlas.entries[BLOCK])

    def open_what_is_gone() -> None:
        with atlas.network.armed(one):
            assert atlas.entries[BLOCK]["deleteAfterDate"] > before["deleteAfterDate"]
            raise ProvisionerError("There is no user.")

    with pytest.raises(ProvisionerError, match="no user"):
        open_what_is_gone()

    assert until(atlas) <= make.now() + timedelta(minutes=15, seconds=1)


class TestFar:
    @pytest.mark.parametrize("lasts", [timedelta(days=7), timedelta(days=10)])
    def test_is_armed_a_day_ahead(self, atlas: Gates, first: Grant, lasts: timedelta) -> None:
        one = opened(atlas, spec(first, HERE, lasts=lasts))

        assert timedelta(hours=23, minutes=59) < until(atlas) - make.now() < timedelta(hours=24, seconds=2)
        assert atlas.network.look(one).exact

    def test_stays_so_when_its_end_comes_near(self, atlas: Gates, first: Grant) -> None:
        far = opened(atlas, spec(first, HERE, lasts=timedelta(days=10)))

        atlas.network.arm(spec(first, HERE, lasts=timedelta(days=3)))
        assert until(atlas) - make.now() < timedelta(hours=24, seconds=2)
        near = spec(first, HERE, lasts=timedelta(hours=3))
        atlas.network.arm(near)

        assert until(atlas) == whole(near.expires_at)
        assert far.grant_id == near.grant_id

    def test_just_under_seven_days_has_its_own_end(self, atlas: Gates, first: Grant) -> None:
        one = opened(atlas, spec(first, HERE, lasts=timedelta(days=7) - timedelta(minutes=6)))

        assert until(atlas) == whole(one.expires_at)

    def test_is_made_anew_when_it_lapsed_and_lies_there_still(self, atlas: Gates, first: Grant) -> None:
        one = opened(atlas, spec(first, HERE, lasts=timedelta(days=10)))
        atlas.entries[BLOCK]["deleteAfterDate"] = "2020-01-01T00:00:00Z"
        assert not atlas.network.look(one).exact

        atlas.network.arm(one)

        assert until(atlas) > make.now()
        assert atlas.writes("accessList")[-2:] == ["DELETE", "POST"]


class TestSharing:
    @pytest.mark.parametrize("longer_first", [True, False])
    def test_lasts_as_long_as_anybody_needs_it(
        self, atlas: Gates, first: Grant, second: Grant, longer_first: bool
    ) -> None:
        short = opened(atlas, spec(first, HERE, lasts=timedelta(hours=1)))
        long = opened(atlas, spec(second, "::ffff:203.0.113.7", lasts=timedelta(hours=3)))
        assert (list(atlas.entries), until(atlas)) == ([BLOCK], whole(long.expires_at))
        assert atlas.network.look(short).exact
        ends, stays = (long, short) if longer_first else (short, long)

        assert close_by_end(atlas, ends) == {BLOCK: "kept for other grants"}

        assert until(atlas) == whole(stays.expires_at)
        assert atlas.network.look(stays).exact
        assert close_by_end(atlas, stays) == {BLOCK: "gone"}
        assert not atlas.entries
        assert not SharedUse.objects.exists()

    def test_undoing_one_leaves_the_other(self, atlas: Gates, first: Grant, second: Grant) -> None:
        stays = opened(atlas, spec(first, HERE, lasts=timedelta(hours=1)))
        fails = spec(second, HERE, lasts=timedelta(hours=3))
        atlas.network.prepare(fails)
        atlas.served.order("drop_after_commit", method="POST", path="accessList")
        with pytest.raises(AtlasFailure):
            atlas.network.arm(fails)
        assert until(atlas) == whole(fails.expires_at)

        grants.end(grant_id=second.pk, reason=EndReason.PROVISIONING_FAILED, note="")
        undone = atlas.network.close(fails)

        assert until(atlas) == whole(stays.expires_at)
        assert not undone.done
        assert "look at the access list once more" in undone.waiting
        longest_call_is_over()
        assert atlas.network.close(fails).done
        assert list(SharedUse.objects.values_list("grant", flat=True)) == [first.pk]

    def test_needs_nothing_of_whose_time_is_over(self, atlas: Gates, first: Grant, second: Grant) -> None:
        over = opened(atlas, spec(first, HERE))
        SharedUse.objects.update(wants={"end": make.now().astimezone(UTC).isoformat(), "most": 900.0})
        ends = opened(atlas, spec(second, HERE))

        assert close_by_end(atlas, ends) == {BLOCK: "gone"}
        assert close_by_end(atlas, over) == {BLOCK: "gone"}
        assert not SharedUse.objects.exists()

    def test_writes_one_after_the_other(self, atlas: Gates, committed_cast: Cast) -> None:
        """Atlas takes no two writes to a project's list at once: the stand-in answers 500 to the second."""
        atlas.change(overlap_fails=True, access_list_write_seconds=0.05)
        cast = committed_cast
        held = [make.active_grant(person, cast.bob) for person in (cast.alice, cast.frank, cast.grace)]
        specs = [spec(grant, f"203.0.113.{number}") for number, grant in enumerate(held)]

        assert kinds(at_once([partial(opened, atlas, one) for one in specs])) == {"GrantSpec": 3}
        assert len(atlas.entries) == len(held)
        assert kinds(at_once([partial(close_by_end, atlas, one) for one in specs])) == {"dict": 3}
        assert not atlas.entries


class TestSomebodyElses:
    @pytest.mark.parametrize("comment", ["office", COMMENT])
    def test_permanent_entry_is_used_and_survives(self, atlas: Gates, first: Grant, comment: str) -> None:
        atlas.somebody_puts(BLOCK, comment=comment)
        before = dict(atlas.entries[BLOCK])
        one = opened(atlas, spec(first, HERE))
        atlas.entries_reach_the_clusters()

        look = atlas.network.look(one)

        assert (look.proof, look.exact) == (Proof.READ_BACK, True)
        assert look.evidence["entries"][BLOCK] == {"status": "ACTIVE", "made_by": "another", "until": "always"}
        assert close_by_end(atlas, one) == {BLOCK: "kept by another"}
        assert atlas.entries == {BLOCK: before}
        assert not SharedUse.objects.exists()

    def test_entry_that_ends_before_us_is_refused(self, atlas: Gates, first: Grant) -> None:
        soon = (make.now() + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
        atlas.somebody_puts(BLOCK, comment="office", deleteAfterDate=soon)

        with pytest.raises(ProvisionerError, match="before this access does") as refused:
            atlas.network.prepare(spec(first, HERE))

        assert refused.value.permanent
        assert atlas.entries[BLOCK]["comment"] == "office"

    def test_entry_that_ends_after_us_is_used(self, atlas: Gates, first: Grant) -> None:
        late = (make.now() + timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
        atlas.somebody_puts(BLOCK, comment="office", deleteAfterDate=late)

        one = opened(atlas, spec(first, HERE))

        assert atlas.network.look(one).exact
        assert close_by_end(atlas, one) == {BLOCK: "kept by another"}

    def test_entry_that_has_ended_is_waited_for(self, atlas: Gates, first: Grant) -> None:
        late = (make.now() + timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
        atlas.somebody_puts(BLOCK, comment="office", deleteAfterDate=late)
        atlas.entries[BLOCK]["deleteAfterDate"] = "2020-01-01T00:00:00Z"

        with pytest.raises(ProvisionerError, match="has not removed it yet") as refused:
            atlas.network.prepare(spec(first, HERE))

        assert not refused.value.permanent

    def test_upsert_makes_ours_theirs(self, atlas: Gates, first: Grant) -> None:
        one = opened(atlas, spec(first, HERE))
        atlas.somebody_puts(BLOCK, comment="terraform")
        before = dict(atlas.entries[BLOCK])

        assert atlas.network.look(one).exact
        atlas.network.arm(one)

        assert close_by_end(atlas, one) == {BLOCK: "kept by another"}
        assert atlas.entries == {BLOCK: before}

    def test_later_date_on_ours_is_drift(self, atlas: Gates, first: Grant) -> None:
        one = opened(atlas, spec(first, HERE))
        late = (make.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
        atlas.somebody_puts(BLOCK, comment=COMMENT, deleteAfterDate=late)

        assert not atlas.network.look(one).exact
        assert close_by_end(atlas, one) == {BLOCK: "gone"}


class TestEnding:
    def test_a_late_call_does_not_outlive_the_grant(self, atlas: Gates, first: Grant) -> None:
        """The call that moves the date on is lost on its way, and arrives after we have removed the entry."""
        one = opened(atlas, spec(first, HERE, lasts=timedelta(days=10)))
        atlas.entries[BLOCK]["deleteAfterDate"] = (make.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        late = {"comment": COMMENT, "deleteAfterDate": atlas.entries[BLOCK]["deleteAfterDate"]}
        atlas.served.order("drop_before", method="POST", path="accessList")
        with pytest.raises(AtlasFailure):
            atlas.network.arm(one)
        grants.end(grant_id=first.pk, reason=EndReason.DRIFT, note="")

        before = atlas.network.close(one)
        assert (before.done, bool(before.waiting), atlas.entries) == (False, True, {})
        atlas.somebody_puts(BLOCK, **late)
        longest_call_is_over()
        after = atlas.network.close(one)

        assert (after.done, dict(after.facts["entries"]), atlas.entries) == (True, {BLOCK: "gone"}, {})

    def test_ends_what_a_lost_row_left_over(self, atlas: Gates, first: Grant) -> None:
        one = opened(atlas, spec(first, HERE))
        SharedUse.objects.all().delete()
        SharedObject.objects.all().delete()

        assert close_by_end(atlas, one) == {BLOCK: "gone"}
        assert not atlas.entries

    def test_may_be_repeated(self, atlas: Gates, first: Grant, second: Grant) -> None:
        stays, ends = opened(atlas, spec(second, HERE)), opened(atlas, spec(first, HERE))

        assert [close_by_end(atlas, ends) for _ in range(2)] == [{BLOCK: "kept for other grants"}] * 2
        assert atlas.network.look(stays).exact

    def test_goes_on_where_atlas_failed(self, atlas: Gates, first: Grant) -> None:
        one = opened(atlas, spec(first, HERE))
        grants.end(grant_id=first.pk, reason=EndReason.DRIFT, note="")
        atlas.served.order("error_before", method="DELETE", path="accessList", times=2)

        with pytest.raises(AtlasFailure):
            atlas.network.close(one)
        assert list(atlas.entries) == [BLOCK]
        longest_call_is_over()

        assert atlas.network.close(one).done
        assert not atlas.entries
