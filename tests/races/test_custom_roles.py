"""Several hands on one custom role at the same moment: one change of it at a time, and one end of each change."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from accessrequests.domain.events import Via
from accessrequests.models import CustomRoleChange
from accessrequests.operations import custom_roles
from accessrequests.queries import audit
from tests import roles
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.races.together import at_once, kinds


def test_of_ten_proposals_for_one_role_one_is_filed(committed_cast: Cast) -> None:
    roles.project()

    outcomes = at_once([partial(roles.propose, person) for person in (committed_cast.alice, committed_cast.bob) * 5])

    assert kinds(outcomes) == {"CustomRoleChange": 1, "IllegalMove": 9}
    filed = CustomRoleChange.objects.get()
    assert all(
        str(one).startswith(f"A change of reporting that {filed.proposer.username}") for one in _refused(outcomes)
    )
    assert audit.verify().ok


def test_proposals_for_different_roles_keep_nobody_out(committed_cast: Cast) -> None:
    roles.project()

    outcomes = at_once(
        [
            partial(roles.propose, committed_cast.alice),
            partial(roles.propose, committed_cast.bob, "create", "sales"),
        ]
    )

    assert kinds(outcomes) == {"CustomRoleChange": 2}


def test_a_yes_and_the_end_of_the_wait_are_one_end(committed_cast: Cast, clock: MovableClock) -> None:
    roles.project()
    change = roles.propose(committed_cast.alice)
    taken_back = partial(custom_roles.cancel, change_id=change.pk, person=committed_cast.alice, via=Via.API)
    clock.advance(timedelta(hours=8))

    outcomes = at_once(
        [
            partial(roles.approve, change, committed_cast.bob),
            taken_back,
            *[partial(custom_roles.expire, change_id=change.pk)] * 4,
        ]
    )

    assert kinds(outcomes) == {"CustomRoleChange": 1, "IllegalMove": 5}
    change.refresh_from_db()
    assert (change.state, change.decided_by) == ("expired", "access-requests")
    assert audit.verify().ok


def _refused(outcomes: list[object]) -> list[object]:
    return [one for one in outcomes if isinstance(one, Exception)]
