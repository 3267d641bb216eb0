"""Guards how a person stands: what they hold, and what is said to it today."""

from __future__ import annotations

from accessrequests.domain import policy
from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Person
from accessrequests.operations import grants
from accessrequests.queries import clock, holdings, preview
from tests import make
from tests.make import Cast


class TestHeld:
    def test_counts_what_lives_and_forgets_what_ends(self, cast: Cast) -> None:
        grant = make.approved_grant(cast.alice, cast.bob)

        assert holdings.held(cast.alice, make.target()) == holdings.asked_for(grant.access_request)
        assert holdings.held(cast.alice, make.target(), without=grant.access_request) == ()
        assert holdings.held(cast.alice, make.target("shop-dev")) == ()
        assert holdings.held(cast.bob, make.target()) == ()

        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)
        assert holdings.held(cast.alice, make.target()) == ()


class TestPreview:
    def test_tells_nobody_what_somebody_else_holds_unless_they_may_see_it(self, cast: Cast) -> None:
        grant = make.approved_grant(cast.alice, cast.bob)
        asked, held = make.asked(grantee="alice"), holdings.asked_for(grant.access_request)

        def seen(person: Person) -> tuple[object, list[str]]:
            found = preview.preview(requester=person, asked=asked, at=clock.now())
            return found.held, found.what_changes

        assert seen(cast.frank)[0] == ()
        assert all(said.startswith("New: ") for said in seen(cast.frank)[1]), "As if there were nothing."
        assert not any(said.startswith("New: ") for said in seen(cast.bob)[1])
        for person in (cast.alice, cast.bob, cast.erin):
            assert seen(person)[0] == held


class TestJudgedToday:
    def test_is_the_stricter_verdict_or_what_stands_in_the_way(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        assert isinstance(holdings.judged_today(access_request), policy.Verdict)

        make.publish({"name": "closed", "rules": [{"name": "nothing", "match": {}, "deny": True}]})

        again = AccessRequest.objects.get(pk=access_request.pk)
        assert "Rule nothing denies read" in str(holdings.judged_today(again))
