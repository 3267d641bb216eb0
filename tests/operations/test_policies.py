"""Publishing: versions never change, and the stricter of what was pinned and what is published now decides."""

from __future__ import annotations

from datetime import timedelta

from accessrequests.domain.policy import InvalidPolicy
from accessrequests.models import PolicyVersion
from accessrequests.operations import policies
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries import access_requests
from accessrequests.queries.belonging import belonging_of
from sandbox import catalogue
from tests import make
from tests.make import Cast
from tests.traces import Traces, leaves_nothing, refuses

BOTH = [{"group": "data-owners", "people": 1}, {"group": "security", "people": 1}]


class TestPublish:
    def test_makes_the_next_version(self, cast: Cast) -> None:
        traces = Traces()

        make.publish_rules(make.rule("one"))

        version = PolicyVersion.objects.latest("version")
        assert (version.version, version.name) == (2, "another")
        assert traces.events() == [("policy.published", "os:tests", "policy/2")]
        assert traces.facts("policy.published")["rules"] == 1

    def test_the_same_text_twice_is_one_version(self, cast: Cast) -> None:
        with leaves_nothing():
            make.publish(catalogue.policy_document())

    def test_refuses_what_is_no_policy(self, cast: Cast) -> None:
        with refuses(InvalidPolicy):
            policies.publish(text="", document={"name": "bad"}, actor=make.OPERATOR)


class TestTheStricterCounts:
    """A request filed under one version is decided under that and the current one."""

    def test_what_is_denied_by_now_cannot_be_approved(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        make.publish_rules(make.rule("no", deny=True))

        with refuses(Refused, match="denies") as caught:
            make.approve(access_request, cast.bob)
        assert caught.value.rule == "no"

    def test_a_step_added_is_asked_too_and_its_group_sees_the_request(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        make.publish_rules(make.rule("both", approvals=BOTH))

        assert access_request in access_requests.inbox_of(belonging_of(cast.carol), most=9)
        assert make.approve(access_request, cast.bob).state == "pending"
        assert make.approve(access_request, cast.carol).state == "approved"

    def test_a_step_added_and_taken_away_again_is_not(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        make.publish_rules(make.rule("both", approvals=BOTH))
        make.publish_rules(make.rule("one"))

        assert not access_requests.inbox_of(belonging_of(cast.carol), most=9)
        with refuses(Refused):
            make.approve(access_request, cast.carol)
        assert make.approve(access_request, cast.bob).state == "approved"

    def test_either_may_come_first(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        make.publish_rules(make.rule("both", approvals=BOTH))

        assert make.approve(access_request, cast.carol).state == "pending"
        assert make.approve(access_request, cast.bob).state == "approved"

    def test_a_step_taken_away_is_still_asked(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice, roles=("readWrite@shop",))
        make.publish_rules(make.rule("loose", approvals=[]))

        assert make.approve(access_request, cast.bob).state == "pending"
        with refuses(IllegalMove):
            make.approve(access_request, cast.bob)
        assert make.approve(access_request, cast.carol).state == "approved"

    def test_what_was_said_stands_when_the_target_becomes_less_guarded(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice, roles=("readWrite@shop",))
        make.make_targets(environment="development")

        assert make.approve(access_request, cast.bob).state == "pending"

    def test_a_target_that_becomes_more_guarded_is(self, cast: Cast) -> None:
        make.publish_rules(
            make.rule("staging", match={"environments": ["staging"]}), make.rule("production", approvals=BOTH)
        )
        make.make_targets(environment="staging")
        access_request = make.submit(cast.alice, roles=("readWrite@shop",))
        assert access_request.step_groups == ["data-owners"]
        make.make_targets()

        assert make.approve(access_request, cast.bob).state == "pending"
        assert make.approve(access_request, cast.carol).state == "approved"

    def test_a_shorter_maximum_is_met_by_an_approver_who_shortens(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        make.publish_rules(make.rule("short", maximum="PT30M"))

        with refuses(Refused, match="at most 30 minutes"):
            make.approve(access_request, cast.bob)
        assert make.approve(access_request, cast.bob, duration=timedelta(minutes=30)).state == "approved"

    def test_those_in_no_group_of_either_decide_nothing(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        make.publish_rules(make.rule("both", approvals=BOTH))

        with refuses(Refused):
            make.approve(access_request, cast.dave)
