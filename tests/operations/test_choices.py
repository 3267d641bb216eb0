"""Guards what a person chooses about how they are told: kept and recorded when it differs, and refused whole."""

from __future__ import annotations

from accessrequests.domain.channels import EVERYTHING
from accessrequests.models import Person
from accessrequests.operations import choices
from accessrequests.queries.asks import Invalid
from tests.make import Cast
from tests.traces import Traces, leaves_nothing, refuses


def test_is_recorded_when_it_differs(cast: Cast) -> None:
    traces = Traces()
    choices.choose_channels(person=cast.bob, off=["own/mail", "alarms/slack"])
    assert Person.objects.get(username="bob").not_told_by == ["alarms/slack", "own/mail"]
    assert traces.events() == [("person.channels_chosen", "bob", "person/bob")]
    assert traces.facts("person.channels_chosen") == {"off": ["alarms/slack", "own/mail"]}
    with leaves_nothing():
        choices.choose_channels(person=cast.bob, off=["alarms/slack", "own/mail"])


def test_alarms_always_come_by_mail(cast: Cast) -> None:
    choices.choose_channels(person=cast.bob, off=["alarms/mail", "alarms/slack"])
    assert Person.objects.get(username="bob").not_told_by == ["alarms/slack"]


def test_is_refused_where_something_would_not_reach_them_or_is_none(cast: Cast) -> None:
    for off in (EVERYTHING, ["answers/mail", "answers/slack"], ["own/pigeon"]):
        with refuses(Invalid):
            choices.choose_channels(person=cast.bob, off=off)
