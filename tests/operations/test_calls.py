"""Guards the count of calls and presses: one row for each person and one for each token, which begin anew with each second."""

from __future__ import annotations

from pytest_django import Settings

from accessrequests.models import CallBucket
from accessrequests.operations import calls
from tests.make import Cast


def test_counts_each_person_apart(cast: Cast, settings: Settings) -> None:
    settings.ACCESS_CALLS_PER_SECOND = 0
    assert not calls.may_call(person=cast.alice)
    settings.ACCESS_CALLS_PER_SECOND = 2
    assert calls.may_call(person=cast.bob)
    CallBucket.objects.filter(person=cast.bob).update(second=1, calls=9_000)

    assert calls.may_call(person=cast.bob), "that was another second"
    assert CallBucket.objects.get(person=cast.bob).calls == 1
