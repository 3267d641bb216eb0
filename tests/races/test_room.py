"""The last place on a target that holds only so much: however many are approved at the same moment, one gets it."""

from __future__ import annotations

from functools import partial

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Grant
from accessrequests.operations import bundles
from accessrequests.queries import audit, room
from tests import make
from tests.make import Cast
from tests.races.together import at_once, kinds


def test_of_ten_approvals_on_the_last_place_one_passes(committed_cast: Cast) -> None:
    target = make.make_atlas(database_users={"limit": 100, "used": 94})
    waiting = [make.submit_to_atlas(committed_cast.alice) for _ in range(10)]

    outcomes = at_once([partial(make.approve, one, committed_cast.bob) for one in waiting])

    assert kinds(outcomes) == {"AccessRequest": 1, "Refused": 9}
    assert Grant.objects.count() == AccessRequest.objects.filter(state="approved").count() == 1
    assert room.quotas_of(target)[0].free == 0
    assert audit.verify().ok


def test_of_ten_automatic_asks_for_the_last_place_one_passes(committed_cast: Cast) -> None:
    make.make_atlas(database_users={"limit": 100, "used": 94})
    make.publish_rules(make.rule("automatic", approvals=[]))

    outcomes = at_once([partial(make.submit_to_atlas, committed_cast.alice)] * 10)

    assert kinds(outcomes) == {"AccessRequest": 1, "Refused": 9}
    assert Grant.objects.count() == 1


def test_of_four_bundles_approved_for_the_last_place_one_passes_whole(committed_cast: Cast) -> None:
    make.make_atlas(database_users={"limit": 100, "used": 94})
    asked = [make.asked(), make.asked_of_atlas()]
    filed = [bundles.submit(requester=committed_cast.alice, asked=asked, via=Via.API) for _ in range(4)]
    revisions = [{one.pk: one.revision for one in together} for together in filed]
    approvers = (committed_cast.bob, committed_cast.grace) * 2

    outcomes = at_once(
        [
            partial(bundles.approve, bundle=min(read), approver=approver, via=Via.WEB, revisions=read)
            for read, approver in zip(revisions, approvers, strict=True)
        ]
    )

    assert kinds(outcomes) == {"Refused": 3, "list": 1}
    assert Grant.objects.count() == AccessRequest.objects.filter(state="approved").count() == 2
