"""Guards what a lost call leaves of a project role: taken at once, an invitation of ours for a month, and the rest told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.domain.events import Job, Via
from accessrequests.models import Grant, Other, SharedCall, SharedObject, Target
from accessrequests.operations import grants, outbox
from accessrequests.queries import clock
from sandbox.atlas.organisation import Person, new_id
from sandbox.atlas.people import answer_invitation
from tests.sandbox.atlas.serving import CLIENT_ID
from tests.web.browser import signed_in, text_of
from tests.workers.atlas.path import SLUG, Way
from tests.workers.atlas.stand_in import StandIn
from tests.workers.atlas.test_reconcile import compare, live
from tests.workers.rows import carry

ALICE = "alice@example.com"
ROLE = "GROUP_READ_ONLY"
A_DAY = timedelta(days=1, minutes=1)


@pytest.fixture
def alice(stand_in: StandIn) -> Person:
    person = Person(new_id(), ALICE, "Alice", "Archer", 0.0)
    stand_in.served.server.organisation.people[person.id] = person
    return person


@pytest.fixture
def lost(stand_in_way: Way, stand_in: StandIn, alice: Person) -> Grant:
    """A grant that has ended, and a call for it of which nobody knows what came."""
    offers = {"kinds": ["project_role"], "authentication": ["scram"], "project_roles": [ROLE]}
    Target.objects.filter(slug=SLUG).update(offers=offers, declared={"members": {"alice": ALICE}})
    grant = live(stand_in_way, stand_in, kind="project_role", clusters=(), source_addresses=(), roles=(ROLE,))
    assert not SharedCall.objects.exists(), "it was answered in time"
    grants.release(grant_id=grant.pk, holder=stand_in_way.cast.alice, via=Via.API)
    assert stand_in_way.revoke(grant).state == "revoked"
    long_ago = clock.now() - timedelta(minutes=1)
    call = {"lease_of": 1, "lease_number": 1, "says": [[ROLE]], "began_at": long_ago}
    SharedCall.objects.create(target=grant.target, grant=grant, **call)
    return grant


def invited(stand_in: StandIn, alice: Person, *roles: str, by: str) -> None:
    """She has left the organisation, and somebody asks her back."""
    with stand_in.served.server.organisation.changing():
        alice.status, alice.invited_at, alice.inviter = "PENDING", clock.now().timestamp(), by
        stand_in.project.members[alice.id] = list(roles)


def a_day_later(*, days: int = 1) -> None:
    call = SharedCall.objects.get()
    assert call.looked_at is not None
    call.looked_at -= days * A_DAY
    call.began_at -= days * A_DAY
    call.save()
    compare()


def warnings() -> list[str]:
    found: list[str] = Target.objects.get(slug=SLUG).warnings
    return [warning for warning in found if "call of ours" in warning]


def test_what_it_added_is_taken_back(stand_in: StandIn, alice: Person, lost: Grant) -> None:
    stand_in.project.members[alice.id] = [ROLE]

    compare()

    assert stand_in.project.members == {}
    assert not SharedObject.objects.exists()


def test_its_invitation_is_taken_back_whenever_it_comes_within_a_month(
    stand_in: StandIn, alice: Person, lost: Grant
) -> None:
    compare()
    invited(stand_in, alice, ROLE, by=CLIENT_ID)
    compare()
    assert stand_in.project.members, "it was looked after today"

    a_day_later()

    assert stand_in.project.members == {}
    answer_invitation(stand_in.served.server.organisation, ALICE, accepts=True)
    a_day_later()
    assert (stand_in.project.members, warnings()) == ({}, [])
    a_day_later(days=31)
    assert not SharedCall.objects.exists()


def test_an_invitation_that_was_accepted_is_told_and_left_to_a_person(
    stand_in_way: Way, stand_in: StandIn, alice: Person, lost: Grant
) -> None:
    compare()
    invited(stand_in, alice, ROLE, by=CLIENT_ID)
    answer_invitation(stand_in.served.server.organisation, ALICE, accepts=True)

    a_day_later()
    compare()

    assert stand_in.project.members == {alice.id: [ROLE]}, "somebody may have given it by hand"
    (warning,) = warnings()
    assert warning.startswith(f"{ALICE} has {ROLE} in the project, or is invited to it.")
    assert f"for the access {lost.pk} was lost" in warning
    assert warning in text_of(signed_in(stand_in_way.cast.erin).get("/health/"))
    stand_in.project.members.clear()
    a_day_later()
    compare()
    assert warnings() == []


@pytest.mark.parametrize(("by", "roles"), [("erin@example.com", [ROLE]), (CLIENT_ID, [ROLE, "GROUP_CLUSTER_MANAGER"])])
def test_an_invitation_that_need_not_be_of_it_is_told_and_listed_as_not_ours(
    stand_in: StandIn, alice: Person, lost: Grant, by: str, roles: list[str]
) -> None:
    compare()
    invited(stand_in, alice, *roles, by=by)

    a_day_later()
    compare()
    outbox.file_periodic(job=Job.READ_INVENTORY, subject=f"target/{SLUG}", target=SLUG)
    carry(Job.READ_INVENTORY, f"target/{SLUG}")

    assert stand_in.project.members == {alice.id: roles}
    assert len(warnings()) == 1
    assert ROLE in warnings()[0]
    assert "GROUP_CLUSTER_MANAGER" not in warnings()[0]
    (other,) = Other.objects.filter(kind="member")
    assert (other.name, other.detail) == (ALICE, f"invited by {by}, to {', '.join(sorted(roles))}")


def test_what_another_access_needs_is_neither_taken_nor_told(
    stand_in_way: Way, stand_in: StandIn, alice: Person, lost: Grant
) -> None:
    compare()
    live(stand_in_way, stand_in, kind="project_role", clusters=(), source_addresses=(), roles=(ROLE,))

    a_day_later()
    compare()

    assert stand_in.project.members == {alice.id: [ROLE]}
    assert warnings() == []
