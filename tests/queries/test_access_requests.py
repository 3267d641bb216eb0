"""Who sees which requests, and what waits for whom: never more than they may, never what they cannot decide."""

from __future__ import annotations

from accessrequests.queries import access_requests, grants
from accessrequests.queries.belonging import belonging_of
from tests import make
from tests.make import Cast


class TestVisibleTo:
    def test_shows_ones_own_what_one_may_decide_and_all_to_auditors(self, cast: Cast) -> None:
        read = make.submit(cast.alice)
        write = make.submit(cast.frank, roles=("readWrite@shop",))
        dev = make.submit(cast.frank, target="shop-dev")

        seen = {name: set(access_requests.visible_to(person)) for name, person in vars(cast).items()}
        assert seen == {
            "alice": {read},
            "bob": {read, write},
            "carol": {write},
            "dave": {read, write, dev},
            "erin": {read, write, dev},
            "frank": {write, dev},
            "grace": {read, write},
            "mallory": set(),
        }

    def test_shows_each_once_and_those_one_has_answered(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice, roles=("readWrite@shop",), grantee="frank")
        for approver in (cast.bob, cast.carol):
            make.approve(access_request, approver)
        make.apply("bob", groups=["engineering"])

        assert list(access_requests.visible_to(cast.bob)) == [access_request]
        assert list(access_requests.visible_to(cast.frank)) == [access_request]
        assert [grant.access_request for grant in grants.visible_to(cast.frank)] == [access_request]
        assert not grants.visible_to(cast.mallory).exists()


class TestInbox:
    def test_holds_what_waits_for_this_person(self, cast: Cast) -> None:
        own = make.submit(cast.bob)
        other = make.submit(cast.alice)
        write = make.submit(cast.alice, roles=("readWrite@shop",))
        make.approve(write, cast.bob)

        assert access_requests.inbox_of(belonging_of(cast.bob), most=9) == [other]
        assert access_requests.inbox_of(belonging_of(cast.carol), most=9) == [write]
        assert set(access_requests.inbox_of(belonging_of(cast.grace), most=9)) == {
            own,
            other,
        }  # bob has filled the slot of her group
        assert not access_requests.inbox_of(belonging_of(cast.dave), most=9)

    def test_gives_the_first_to_lapse_and_how_many_there_are(self, cast: Cast) -> None:
        first, second, _ = (make.submit(cast.alice) for _ in range(3))

        found = access_requests.inbox_of(belonging_of(cast.bob), most=2)

        assert [(one.pk, one.waiting) for one in found] == [(first.pk, 3), (second.pk, 3)]  # type: ignore[attr-defined]

    def test_leaves_out_what_was_filed_before_the_person_joined(self, cast: Cast) -> None:
        make.submit(cast.alice)
        make.apply("frank", groups=["engineering", "data-owners"])
        after = make.submit(cast.alice)

        assert access_requests.inbox_of(belonging_of(cast.frank), most=9) == [after]
