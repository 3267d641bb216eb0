"""An end pulled at from several sides: it moves once, or the access ends; never both, and never twice."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import psycopg
import pytest

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Extension, Grant
from accessrequests.operations import access_requests, extensions, grants
from tests import make
from tests.make import Cast
from tests.races.together import Waiting, at_once, kinds

HOUR = timedelta(hours=1)


def asking(cast: Cast, grant: Grant) -> partial[Grant]:
    return partial(
        extensions.ask, grant_id=grant.pk, holder=cast.alice, via=Via.API, duration=HOUR, reason="It takes longer."
    )


def automatic(cast: Cast) -> Grant:
    return make.activated(Grant.objects.get(access_request=make.submit(cast.alice, target="shop-dev")))


def test_of_several_asks_one_is_filed(committed_cast: Cast) -> None:
    grant = make.active_grant(committed_cast.alice, committed_cast.bob)

    assert kinds(at_once([asking(committed_cast, grant)] * 5)) == {"Grant": 1, "IllegalMove": 4}
    assert AccessRequest.objects.filter(extends=grant).count() == 1


def test_of_several_automatic_ones_one_is_on_its_way(committed_cast: Cast) -> None:
    grant = automatic(committed_cast)

    assert kinds(at_once([asking(committed_cast, grant)] * 5)) == {"Grant": 1, "IllegalMove": 4}
    assert Extension.objects.get().ends_at == (grant.expires_at or make.now()) + HOUR


def test_of_two_approvers_one_moves_it(committed_cast: Cast) -> None:
    grant = make.active_grant(committed_cast.alice, committed_cast.bob)
    asking(committed_cast, grant)()
    request = AccessRequest.objects.get(extends=grant)
    approvals = [
        partial(access_requests.approve, access_request_id=request.pk, approver=person, via=Via.API, revision=1)
        for person in (committed_cast.bob, committed_cast.grace)
    ]

    assert kinds(at_once(approvals)) == {"AccessRequest": 1, "IllegalMove": 1}
    assert Extension.objects.count() == 1


@pytest.mark.parametrize("_round", range(3))
def test_confirming_against_ending_now_leaves_one_story(committed_cast: Cast, _round: int) -> None:
    grant = automatic(committed_cast)
    asking(committed_cast, grant)()
    extension = extensions.start(grant_id=grant.pk)
    assert extension is not None
    mark = partial(extensions.mark_extended, extension_id=extension.pk)
    release = partial(grants.release, grant_id=grant.pk, holder=committed_cast.alice, via=Via.API)

    moved, released = at_once([mark, release])

    grant.refresh_from_db()
    extension.refresh_from_db()
    assert isinstance(released, Grant)
    assert (grant.state, grant.end_reason) == ("revoking", "released")
    assert grant.expires_at == (extension.ends_at if moved else extension.ends_from)
    assert extension.state == ("done" if moved else "failed")


def test_of_several_confirmations_one_moves_it(committed_cast: Cast) -> None:
    grant = automatic(committed_cast)
    asking(committed_cast, grant)()
    extension = extensions.start(grant_id=grant.pk)
    assert extension is not None

    outcomes = at_once([partial(extensions.mark_extended, extension_id=extension.pk)] * 4)

    assert sorted(map(str, outcomes)) == ["False", "False", "False", "True"]


def test_a_confirmation_that_waited_over_the_deadline_moves_nothing(
    committed_cast: Cast, owner_connection: psycopg.Connection
) -> None:
    """By the time before the lock there would have been a moment left."""
    grant = automatic(committed_cast)
    asking(committed_cast, grant)()
    soon = make.now() + timedelta(seconds=1)
    Extension.objects.update(ends_from=soon)
    Grant.objects.filter(pk=grant.pk).update(expires_at=soon)
    extension = Extension.objects.get()
    waiting = Waiting(owner_connection, "grant", grant.pk, partial(extensions.mark_extended, extension_id=extension.pk))
    while make.now() <= soon:
        pass

    assert waiting.release() is False
    assert grants.expire(grant_id=grant.pk)
    grant.refresh_from_db()
    assert (grant.state, grant.expires_at) == ("revoking", soon)


@pytest.mark.parametrize("_round", range(3))
def test_asking_against_leaving_never_waits_for_each_other(committed_cast: Cast, _round: int) -> None:
    grant = make.active_grant(committed_cast.alice, committed_cast.bob)

    asked, left = at_once([asking(committed_cast, grant), partial(make.apply, "alice", active=False)])

    assert type(asked).__name__ in {"Grant", "IllegalMove"}
    assert left is None
    grant.refresh_from_db()
    assert grant.state == "revoking"
