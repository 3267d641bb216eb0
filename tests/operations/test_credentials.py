"""A grant's password: sealed while nobody has read it, shown once to its holder, renewed on demand, erased in time."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import unquote, urlsplit

import pytest

from accessrequests import sealing
from accessrequests.domain.events import Via
from accessrequests.models import Credential, Grant
from accessrequests.operations import credentials, grants, targets
from accessrequests.operations.credentials import Revealed
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import Gone, NotReady, Refused
from tests import make, standing
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import Traces, everything, leaves_nothing, refuses


@pytest.fixture
def pending(cast: Cast) -> Grant:
    return make.approved_grant(cast.alice, cast.bob)


@pytest.fixture
def active(cast: Cast) -> Grant:
    return make.active_grant(cast.alice, cast.bob)


def reveal(grant: Grant, cast: Cast) -> Revealed:
    return credentials.reveal(grant_id=grant.pk, person=cast.alice, via=Via.API)


def rotate(grant: Grant, cast: Cast) -> Grant:
    return credentials.rotate(grant_id=grant.pk, person=cast.alice, via=Via.API)


def holds(secret: str) -> bool:
    """Whether any column of any table holds it, as text or as the bytes of a blob."""
    written = "\n".join(row for _, row in everything())
    return secret in written or secret.encode().hex() in written


class TestReveal:
    def test_names_each_cluster_of_the_scope_as_it_was_read(self, cast: Cast) -> None:
        make.make_atlas()
        access_request = make.submit_to_atlas(cast.alice, clusters=("reports", "orders"))
        grant = make.activated(make.approve(access_request, cast.bob).grant)

        revealed = reveal(grant, cast)

        assert [(one.cluster, urlsplit(one.text).hostname) for one in revealed.connections] == [
            ("reports", "reports.example"),
            ("orders", "orders.example"),
        ]
        assert revealed.connection_string == revealed.connections[0].text
        assert "replicaSet=reports" in revealed.connection_string
        assert "tls=true" in revealed.connection_string

    def test_names_every_cluster_of_an_access_to_all_of_them(self, cast: Cast) -> None:
        make.make_atlas()
        make.publish_rules(make.rule("all", unscoped=True))
        grant = make.activated(make.approve(make.submit_to_atlas(cast.alice, clusters=()), cast.bob).grant)

        assert [one.cluster for one in reveal(grant, cast).connections] == ["orders", "reports"]

    def test_has_no_address_to_name_where_the_cluster_has_gone(self, cast: Cast) -> None:
        target = make.make_atlas()
        grant = make.activated(make.approve(make.submit_to_atlas(cast.alice), cast.bob).grant)
        targets.record_inventory(slug=target.slug, roles={}, databases={}, clusters={}, quotas={})

        revealed = reveal(grant, cast)

        assert (revealed.connections, revealed.connection_string) == ([], "")
        assert revealed.password

    def test_shows_the_password_once(self, cast: Cast, active: Grant) -> None:
        traces = Traces()

        revealed = reveal(active, cast)

        uri = urlsplit(revealed.connection_string)
        credential = Credential.objects.get()
        assert (revealed.username, revealed.expires_at) == (active.username, active.expires_at)
        assert (uri.username, unquote(uri.password or "")) == (active.username, revealed.password)
        assert "authSource=admin" in uri.query
        assert (credential.state, credential.sealed) == ("revealed", None)
        assert revealed.password not in repr(revealed)
        assert traces.events() == [("credential.revealed", "alice", str(active))]
        with refuses(Gone):
            reveal(active, cast)

    def test_of_a_login_that_stands_anyway_there_is_none(self, cast: Cast) -> None:
        standing.declare()
        grant = make.activated(make.approved_grant(cast.alice, cast.bob, **standing.asked()))

        for reach in (reveal, rotate):
            with refuses(NotReady, match="goes on with the login that it has"):
                reach(grant, cast)
        assert not Credential.objects.filter(grant=grant).exists()

    def test_repeated_with_its_key_is_gone_too(self, cast: Cast, active: Grant) -> None:
        key = Idempotency(person_id=cast.alice.pk, key="k", path="/p", body_hash="h")
        revealed = credentials.reveal(grant_id=active.pk, person=cast.alice, via=Via.API, idempotency=key)

        assert not holds(revealed.password)
        with refuses(Gone):
            credentials.reveal(grant_id=active.pk, person=cast.alice, via=Via.API, idempotency=key)

    @pytest.mark.parametrize("name", ["bob", "dave", "erin", "mallory"])
    def test_is_the_holders_alone_and_reaching_for_it_is_worth_keeping(
        self, cast: Cast, active: Grant, name: str
    ) -> None:
        with refuses(Refused) as caught:
            credentials.reveal(grant_id=active.pk, person=getattr(cast, name), via=Via.API)

        assert (caught.value.event, caught.value.subject) == ("grant.refused", str(active))

    def test_of_access_asked_for_another_is_that_ones(self, cast: Cast) -> None:
        grant = make.active_grant(cast.alice, cast.bob, grantee="frank")

        with refuses(Refused):
            reveal(grant, cast)
        assert credentials.reveal(grant_id=grant.pk, person=cast.frank, via=Via.API).password

    def test_waits_until_the_access_is_live(self, cast: Cast, pending: Grant) -> None:
        with refuses(NotReady):
            reveal(pending, cast)
        grants.start_provisioning(grant_id=pending.pk)

        with refuses(NotReady):
            reveal(pending, cast)

    def test_is_gone_after_the_end_even_before_anybody_has_ended_it(
        self, cast: Cast, active: Grant, clock: MovableClock
    ) -> None:
        clock.advance(timedelta(hours=2))
        with refuses(Gone, match="ended"):
            reveal(active, cast)
        grants.expire(grant_id=active.pk)

        with refuses(Gone, match="ended"):
            reveal(active, cast)

    def test_is_gone_after_15_minutes_even_with_every_worker_away(
        self, cast: Cast, active: Grant, clock: MovableClock
    ) -> None:
        clock.advance(timedelta(minutes=15))

        with refuses(Gone, match="A new one can be made for as long as the access lasts"):
            reveal(active, cast)


class TestSent:
    def test_is_known_of_the_password_that_is_on_its_way_and_of_no_later_one(self, cast: Cast, active: Grant) -> None:
        rotate(active, cast)
        first = credentials.start_rotation(grant_id=active.pk)
        assert first is not None
        assert first.sent_at is None
        with leaves_nothing():
            credentials.mark_sent(grant_id=active.pk, generation=first.generation + 1)

        credentials.mark_sent(grant_id=active.pk, generation=first.generation)

        again = credentials.start_rotation(grant_id=active.pk)
        assert again is not None
        assert again.sent_at is not None
        credentials.mark_rotated(grant_id=active.pk, generation=first.generation)
        rotate(active, cast)
        later = credentials.start_rotation(grant_id=active.pk)
        assert later is not None
        assert later.sent_at is None


class TestAtRest:
    def test_no_column_of_any_table_holds_it(self, cast: Cast, pending: Grant) -> None:
        attempt = grants.start_provisioning(grant_id=pending.pk)
        assert attempt is not None
        assert not holds(attempt.password)

        grants.mark_active(grant_id=pending.pk, attempt=attempt.number, gates={})
        assert not holds(attempt.password)
        assert reveal(pending, cast).password == attempt.password
        assert not holds(attempt.password)

    def test_it_opens_for_its_grant_holder_and_generation_only(self, cast: Cast, active: Grant) -> None:
        other = make.active_grant(cast.frank, cast.bob)
        mine, others = active.credential, other.credential
        mine.sealed, others.sealed = others.sealed, mine.sealed
        mine.save()
        others.save()

        with refuses(sealing.CannotOpen):
            reveal(active, cast)

    def test_it_does_not_open_for_another_generation_or_holder(self, cast: Cast, active: Grant) -> None:
        Credential.objects.update(generation=2)
        with refuses(sealing.CannotOpen):
            reveal(active, cast)
        Credential.objects.update(generation=1)
        Grant.objects.update(holder=cast.frank)

        with refuses(sealing.CannotOpen):
            credentials.reveal(grant_id=active.pk, person=cast.frank, via=Via.API)


class TestErase:
    def test_forgets_what_nobody_read_for_15_minutes(self, active: Grant, clock: MovableClock) -> None:
        clock.advance(timedelta(minutes=14, seconds=30))
        with leaves_nothing():
            credentials.erase_unread(grant_id=active.pk)
        clock.advance(timedelta(seconds=30))
        traces = Traces()

        credentials.erase_unread(grant_id=active.pk)

        credential = Credential.objects.get()
        assert (credential.state, credential.sealed) == ("erased", None)
        assert traces.events() == [("credential.erased", "access-requests", str(active))]

    def test_leaves_alone_what_was_read_or_is_not_there(
        self, cast: Cast, active: Grant, pending: Grant, clock: MovableClock
    ) -> None:
        reveal(active, cast)
        clock.advance(timedelta(minutes=20))

        with leaves_nothing():
            credentials.erase_unread(grant_id=active.pk)
            credentials.erase_unread(grant_id=pending.pk)

    def test_comes_with_the_end_of_the_access(self, cast: Cast, active: Grant) -> None:
        grants.release(grant_id=active.pk, holder=cast.alice, via=Via.API)

        credential = Credential.objects.get()
        assert (credential.state, credential.sealed) == ("erased", None)
        with refuses(Gone):
            reveal(active, cast)


class TestRotate:
    def test_makes_a_new_one_that_is_ready_once_the_target_has_it(
        self, cast: Cast, active: Grant, clock: MovableClock
    ) -> None:
        old = reveal(active, cast).password
        traces = Traces()
        rotate(active, cast)
        assert traces.events() == [("credential.rotation_started", "alice", str(active))]
        assert traces.jobs() == [("rotate", str(active))]
        with refuses(NotReady):
            reveal(active, cast)
        clock.advance(timedelta(minutes=30))

        renewal = credentials.start_rotation(grant_id=active.pk)
        assert renewal is not None
        assert renewal.password not in repr(renewal)
        assert not holds(renewal.password)
        traces = Traces()
        credentials.mark_rotated(grant_id=active.pk, generation=renewal.generation)

        assert traces.events() == [("credential.rotated", "access-requests", str(active))]
        assert traces.jobs() == [("erase_credential", str(active))]
        assert renewal.generation == 2
        assert reveal(active, cast).password == renewal.password != old

    def test_brings_an_erased_one_back(self, cast: Cast, active: Grant, clock: MovableClock) -> None:
        clock.advance(timedelta(minutes=15))
        credentials.erase_unread(grant_id=active.pk)

        rotate(active, cast)

        assert Credential.objects.get().state == "none"

    def test_is_the_holders_while_the_access_is_live_and_one_at_a_time(
        self, cast: Cast, active: Grant, pending: Grant, clock: MovableClock
    ) -> None:
        with refuses(Refused):
            credentials.rotate(grant_id=active.pk, person=cast.erin, via=Via.API)
        with refuses(NotReady):
            rotate(pending, cast)
        rotate(active, cast)
        with refuses(NotReady):
            rotate(active, cast)
        clock.advance(timedelta(hours=2))

        with refuses(Gone):
            rotate(active, cast)

    def test_that_comes_too_late_changes_nothing(self, cast: Cast, active: Grant, pending: Grant) -> None:
        rotate(active, cast)
        with leaves_nothing():
            credentials.mark_rotated(grant_id=active.pk, generation=1)
            credentials.mark_rotated(grant_id=pending.pk, generation=1)
            assert credentials.start_rotation(grant_id=pending.pk) is None
        grants.release(grant_id=active.pk, holder=cast.alice, via=Via.API)

        with leaves_nothing():
            assert credentials.start_rotation(grant_id=active.pk) is None
            credentials.mark_rotated(grant_id=active.pk, generation=2)
