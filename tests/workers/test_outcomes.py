"""Guards how soon a step that did not succeed is tried again, and what counts as a failure."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.domain.events import Job
from accessrequests.operations.outbox import Claim
from workers import outcomes
from workers.provisioners.base import Busy, ProvisionerError


@pytest.mark.parametrize(
    ("error", "delay", "failed", "unreachable"),
    [
        (ProvisionerError("No."), timedelta(seconds=2), True, ""),
        (ProvisionerError("Later.", retry_after=9.0), timedelta(seconds=9), True, ""),
        (ProvisionerError("Away.", unreachable=True), outcomes.UNREACHABLE_DELAY, True, "shop-prod"),
        (Busy("Others go first."), outcomes.FIRST_DELAY, False, ""),
    ],
)
def test_after_a_step(error: ProvisionerError, delay: timedelta, failed: bool, unreachable: str) -> None:
    claim = Claim(1, 1, Job.PROVISION, "grant/1", "", "shop-prod", failures=3)

    again = outcomes.after(claim, error, target="shop-prod")

    assert (again.why, again.delay, again.failed) == (str(error), delay, failed)
    assert again.unreachable == unreachable
    assert again.is_sure


def test_an_answer_that_says_nothing_is_no_proof_that_the_target_is_away() -> None:
    error = ProvisionerError("Not just now.", unreachable=True)
    error.answered = True

    again = outcomes.after(
        Claim(1, 1, Job.PROVISION, "grant/1", "", "shop-prod", failures=0), error, target="shop-prod"
    )

    assert (again.unreachable, again.is_sure) == ("shop-prod", False)


@pytest.mark.parametrize(("waited", "seconds"), [(0, 1), (4, 1), (6, 2), (19, 2), (30, 5), (86_400, 5)])
def test_looks_ever_less_often_at_what_is_under_way(waited: int, seconds: int) -> None:
    assert outcomes.look_again(timedelta(seconds=waited)) == timedelta(seconds=seconds)
