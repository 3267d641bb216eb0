"""Guards what stands in place of the buttons: nobody who may decide is told no, and each no says why."""

from __future__ import annotations

from datetime import datetime, timedelta

from accessrequests.domain import policy
from accessrequests.models import AccessRequest, Person
from accessrequests.queries import access_requests, deciding
from accessrequests.queries.belonging import belonging_of
from tests import make
from tests.make import Cast

WRITE = {"roles": ("readWrite@shop",)}


def why_not(person: Person, access_request: AccessRequest, *, at: datetime | None = None) -> str:
    row = access_requests.as_shown().get(pk=access_request.pk)
    verdict = policy.from_json(row.verdict)
    return deciding.why_not_decide(belonging_of(person), row, verdict, at=at or make.now())


class TestWhyNotDecide:
    def test_is_empty_for_whoever_may(self, cast: Cast) -> None:
        assert why_not(cast.bob, make.submit(cast.alice)) == ""

    def test_names_the_clock(self, cast: Cast) -> None:
        assert "has lapsed" in why_not(cast.bob, make.submit(cast.alice), at=make.now() + timedelta(hours=9))

    def test_names_the_gain(self, cast: Cast) -> None:
        assert "Nobody decides on access" in why_not(cast.bob, make.submit(cast.bob))
        assert "Nobody decides on access" in why_not(cast.grace, make.submit(cast.alice, grantee="grace"))

    def test_names_the_groups_that_decide(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)

        assert "decided by data-owners. You were not among them" in why_not(cast.mallory, access_request)
        assert "you can read everything here" in why_not(cast.dave, access_request)

    def test_names_the_group_that_was_joined_too_late(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        make.apply("frank", groups=["engineering", "data-owners"])

        assert "You joined data-owners after it was filed" in why_not(cast.frank, access_request)

    def test_names_ones_own_yes(self, cast: Cast) -> None:
        access_request = make.approve(make.submit(cast.alice, **WRITE), cast.bob)

        assert why_not(cast.bob, access_request) == "You have approved this request. It waits for somebody else."

    def test_names_who_filled_the_slot(self, cast: Cast) -> None:
        access_request = make.approve(make.submit(cast.alice, **WRITE), cast.bob)

        said = "bob approved for data-owners already. It waits for 1 person of security."
        assert why_not(cast.grace, access_request) == said
        assert why_not(cast.carol, access_request) == ""


class TestBelonging:
    def test_sees_what_the_list_shows(self, cast: Cast) -> None:
        make.approve(make.submit(cast.alice, **WRITE), cast.bob)
        make.apply("bob", groups=[])
        make.submit(cast.frank)
        make.submit(cast.alice, grantee="frank")
        rows = list(access_requests.as_shown())

        for person in (cast.alice, cast.bob, cast.carol, cast.dave, cast.erin, cast.frank, cast.grace, cast.mallory):
            seen = {one.pk for one in rows if belonging_of(person).sees(one)}
            assert seen == set(access_requests.visible_to(person).values_list("pk", flat=True)), person

    def test_of_a_person_who_may_not_sign_in_is_nothing(self, cast: Cast) -> None:
        make.apply("bob", active=False)
        cast.bob.refresh_from_db()

        assert not belonging_of(cast.bob).since
