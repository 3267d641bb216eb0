"""What somebody tries who wants a say that is not theirs, at the same moment as the rules say no: it never counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Approval, AuditEvent, Delegation, Extension, Grant
from accessrequests.operations import access_requests, delegations, extensions
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries import audit
from tests import make
from tests.make import Cast
from tests.races.together import at_once, kinds

TWO = [{"group": "data-owners", "people": 2}]


def _lend(cast: Cast, giver: str, stand_in: str) -> partial[Delegation]:
    until = make.now() + timedelta(days=1)
    return partial(delegations.delegate, giver=getattr(cast, giver), stand_in=stand_in, ends_at=until, via=Via.API)


def test_of_fifty_presses_of_a_giver_and_a_stand_in_one_counts(committed_cast: Cast) -> None:
    cast = committed_cast
    make.publish_rules(make.rule("two", approvals=TWO))
    access_request = make.submit(cast.alice)
    _lend(cast, "grace", "frank")()

    outcomes = at_once([partial(make.approve, access_request, person) for person in (cast.grace, cast.frank)] * 25)

    assert kinds(outcomes) == {"AccessRequest": 1, "IllegalMove": 49}
    assert Approval.objects.count() == 1
    access_request.refresh_from_db()
    assert (access_request.state, Grant.objects.count()) == ("pending", 0)
    assert audit.verify().ok


@pytest.mark.parametrize("_round", range(2))
def test_two_who_lend_to_each_other_at_once_are_no_circle(committed_cast: Cast, _round: int) -> None:
    outcomes = at_once([_lend(committed_cast, "grace", "bob"), _lend(committed_cast, "bob", "grace")])

    assert kinds(outcomes) == {"Delegation": 1, "Refused": 1}
    assert Delegation.objects.count() == 1


@pytest.mark.parametrize("what", ["ended", "giver left the group", "giver may no longer sign in"])
def test_a_voice_taken_back_while_it_is_given_counts_before_that_or_not_at_all(committed_cast: Cast, what: str) -> None:
    cast = committed_cast
    access_request = make.submit(cast.alice)
    lent = _lend(cast, "grace", "frank")()
    ways: dict[str, Callable[[], object]] = {
        "ended": partial(delegations.end, delegation_id=lent.pk, person=cast.grace, via=Via.API),
        "giver left the group": partial(make.apply, "grace", groups=["engineering"]),
        "giver may no longer sign in": partial(make.apply, "grace", active=False),
    }

    _, approved = at_once([ways[what], partial(make.approve, access_request, cast.frank)])

    assert isinstance(approved, AccessRequest | Refused)
    events = list(AuditEvent.objects.order_by("sequence").values_list("event", "subject"))
    fact = ("delegation.ended" if what == "ended" else "person.applied", "person/grace")
    gone = max(at for at, event in enumerate(events) if event == fact)
    given = [at for at, (event, _) in enumerate(events) if event == "access_request.approval_given"]
    assert all(at < gone for at in given)
    assert Grant.objects.count() == len(given)


@pytest.mark.parametrize("how", ["joins", "is lent a voice", "writes the rule"])
def test_a_requester_who_becomes_an_approver_decides_nothing(committed_cast: Cast, how: str) -> None:
    """The policy is then written by an administrator who would like to decide: the pinned version goes on counting."""
    cast = committed_cast
    person = cast.erin if how == "writes the rule" else cast.alice
    make.apply("erin", groups=["administrators", "engineering"])
    access_request = make.submit(cast.alice)
    own = make.rule("own", approvals=[{"group": "administrators", "people": 1}])
    ways: dict[str, Callable[[], object]] = {
        "joins": partial(make.apply, "alice", groups=["engineering", "data-owners"]),
        "is lent a voice": _lend(cast, "bob", "alice"),
        "writes the rule": partial(make.publish_rules, own),
    }

    at_once([ways[how], *[partial(make.approve, access_request, person)] * 4])
    # Once it is done, the most that an administrator fills is the step that was added to the pinned ones.
    outcomes = at_once([partial(make.approve, access_request, person)] * 4)

    access_request.refresh_from_db()
    assert (access_request.state, Grant.objects.count()) == ("pending", 0)
    assert not Approval.objects.exclude(group="administrators").exists()
    assert all(isinstance(one, AccessRequest | IllegalMove | Refused) for one in outcomes)
    assert make.approve(access_request, cast.bob).decided_by == "bob"


@pytest.mark.parametrize("_round", range(2))
def test_who_joins_while_it_is_filed_has_a_voice_only_if_they_were_there_first(
    committed_cast: Cast, _round: int
) -> None:
    cast = committed_cast
    joined, filed = at_once(
        [partial(make.apply, "frank", groups=["engineering", "data-owners"]), partial(make.submit, cast.alice)]
    )
    assert joined is None
    assert isinstance(filed, AccessRequest)
    since = cast.frank.memberships.get(group__name="data-owners").since

    (answer,) = at_once([partial(make.approve, filed, cast.frank)])

    assert isinstance(answer, AccessRequest if since <= filed.filed_at else Refused)


def test_extending_forever_ends_at_the_cap_and_each_time_somebody_approved(committed_cast: Cast) -> None:
    cast = committed_cast
    make.publish_rules(make.rule("capped", maximum="PT2H", total_maximum="PT5H"))
    grant = make.active_grant(cast.alice, cast.bob)
    ask = partial(
        extensions.ask,
        grant_id=grant.pk,
        holder=cast.alice,
        via=Via.API,
        duration=timedelta(hours=1),
        reason="It takes longer.",
    )

    extended = 0
    while "Grant" in kinds(at_once([ask] * 3)):
        extended += 1
        waits = AccessRequest.objects.get(extends=grant, state="pending")
        yes = [partial(make.approve, waits, person) for person in (cast.bob, cast.grace)]
        assert kinds(at_once(yes)) == {"AccessRequest": 1, "IllegalMove": 1}
        extension = extensions.start(grant_id=grant.pk)
        assert extension is not None
        assert extensions.mark_extended(extension_id=extension.pk)

    grant.refresh_from_db()
    assert extended == 3, "three hours fit beside the two that were approved first"
    assert (grant.expires_at or make.now()) - (grant.starts_at or make.now()) == timedelta(hours=5)
    assert Extension.objects.count() == 3
    assert Approval.objects.filter(answer="approve").count() == 4


def test_an_edit_is_never_approved_unread_and_never_comes_after_a_yes(committed_cast: Cast) -> None:
    cast = committed_cast
    access_request = make.submit(cast.alice, duration=timedelta(minutes=10))
    edit = partial(
        access_requests.edit,
        access_request_id=access_request.pk,
        requester=cast.alice,
        via=Via.API,
        revision=1,
        changes={"duration": timedelta(hours=8)},
    )

    outcomes = at_once([partial(make.approve, access_request, cast.bob), *[edit] * 3])

    access_request.refresh_from_db()
    if access_request.state == "approved":
        assert (access_request.revision, access_request.duration) == (1, timedelta(minutes=10))
        assert kinds(outcomes) == {"AccessRequest": 1, "IllegalMove": 3}
    else:
        assert (access_request.revision, access_request.state) == (2, "pending")
        assert kinds(outcomes) == {"AccessRequest": 1, "StaleRevision": 3}
    assert Grant.objects.count() == (access_request.state == "approved")
