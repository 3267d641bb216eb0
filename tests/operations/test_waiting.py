"""Guards that people are told once what a slow target still carries out, and no longer than it does."""

from __future__ import annotations

from accessrequests.domain.lifecycle import EndReason
from accessrequests.models import Grant
from accessrequests.operations import grants, waiting
from tests.workers.rows import events_of, facts_of, fresh

SLOW = "shop0 has not carried it out yet."


def test_is_told_once_while_it_lasts(grant: Grant) -> None:
    attempt = grants.start_provisioning(grant_id=grant.pk)
    assert attempt is not None
    for sentence in (SLOW, SLOW.replace("0", "1"), "Another wait."):
        waiting.note(grant_id=grant.pk, sentence=sentence)
    assert facts_of(grant, "grant.waiting") == [{"why": SLOW}, {"why": "Another wait."}]
    assert fresh(grant).waits_for == "Another wait."

    grants.mark_active(grant_id=grant.pk, attempt=attempt.number, gates={})
    assert fresh(grant).waits_for == ""
    waiting.note(grant_id=grant.pk, sentence=SLOW)
    assert fresh(grant).waits_for == ""


def test_of_an_end_is_over_with_the_cut(active: Grant) -> None:
    grants.end(grant_id=active.pk, reason=EndReason.DRIFT, note="")
    waiting.note(grant_id=active.pk, sentence=SLOW)
    assert fresh(active).waits_for == SLOW
    assert events_of(active)[-1] == "grant.waiting"

    grants.mark_cut(cuts=[grants.Cut(active.pk, {})])
    assert fresh(active).waits_for == ""
