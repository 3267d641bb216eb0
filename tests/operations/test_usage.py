"""Guards what is kept of the use of an access: each login counted once, the end told apart, and when nothing more comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accessrequests.domain.events import Via
from accessrequests.domain.usage import MOST_ADDRESSES, Login, Used, with_logins
from accessrequests.models import Grant, Usage
from accessrequests.operations import grants, usage
from accessrequests.queries import usage as queries
from tests import make
from tests.make import Cast
from tests.web.grants import gone

HOUR = timedelta(hours=1)


@pytest.fixture
def grant(cast: Cast) -> Grant:
    make.make_atlas()
    access_request = make.approve(make.submit_to_atlas(cast.alice), cast.bob)
    return make.activated(Grant.objects.get(access_request=access_request))


def count(grant: Grant, *logins: Login, until: datetime) -> Usage:
    since = queries.read_from(grant, at=until)
    usage.record_logins(grant_id=grant.pk, logins=logins, since=since, until=until)
    return Usage.objects.get(grant=grant)


def start(grant: Grant) -> datetime:
    assert grant.activated_at is not None
    return grant.activated_at


class TestCounting:
    def test_tells_first_last_where_from_and_what_was_refused(self, grant: Grant) -> None:
        at = start(grant)
        minute = timedelta(minutes=1)
        probe = Login(at - minute, "127.0.0.1", went_well=True)
        good = [Login(at + n * minute, f"192.0.2.{n}", went_well=True) for n in (1, 2, 1)]
        bad = Login(at + minute, "198.51.100.9", went_well=False)

        kept = count(grant, probe, *good, bad, until=at + HOUR)

        assert (kept.logins, kept.failures, kept.tried_after_end) == (3, 1, 0)
        assert (kept.first_login, kept.last_login) == (at + minute, at + 2 * minute)
        assert kept.addresses == ["192.0.2.1", "192.0.2.2"]
        assert not kept.is_final

    def test_counts_nothing_twice(self, grant: Grant) -> None:
        at = start(grant)
        login = Login(at + timedelta(minutes=1), "192.0.2.7", went_well=True)
        count(grant, login, until=at + HOUR)
        usage.record_logins(grant_id=grant.pk, logins=[login], since=at, until=at + HOUR)
        again = count(grant, login, Login(at + HOUR, "192.0.2.7", went_well=True), until=at + 2 * HOUR)

        assert again.logins == 2
        assert again.last_login == at + HOUR

    def test_says_when_it_was_never_used(self, grant: Grant) -> None:
        kept = count(grant, until=start(grant) + HOUR)

        assert (kept.logins, kept.first_login, kept.addresses) == (0, None, [])

    def test_keeps_only_so_many_addresses(self) -> None:
        at = datetime(2030, 1, 1, tzinfo=UTC)
        many = [Login(at, f"10.0.0.{n}", went_well=True) for n in range(80)]

        assert len(with_logins(Used(), many, ended_at=None).addresses) == MOST_ADDRESSES


class TestTheEnd:
    def test_is_looked_at_once_more_a_while_after(self, cast: Cast, grant: Grant) -> None:
        assert queries.to_read() == [(grant.pk, "ecommerce-prod")]
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)
        ended = gone(grant)
        assert ended.cut_at is not None
        late = Login(ended.cut_at + timedelta(seconds=5), "192.0.2.7", went_well=False)

        assert not count(ended, until=ended.cut_at + timedelta(seconds=1)).is_final
        assert queries.to_read() == [(grant.pk, "ecommerce-prod")]
        kept = count(ended, late, until=ended.cut_at + 2 * HOUR)

        assert (kept.failures, kept.tried_after_end, kept.is_final) == (0, 1, True)
        assert queries.to_read() == []

    def test_is_not_asked_of_targets_that_keep_nothing(self, cast: Cast) -> None:
        make.active_grant(cast.alice, cast.bob)

        assert queries.to_read() == []
