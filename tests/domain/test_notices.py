"""Guards what administrators are told of a target itself: what is the matter, what to do, and nothing on a second line."""

from __future__ import annotations

from datetime import UTC, datetime

from accessrequests.domain.notices import authority_notice, changes_notice, policy_notice

AT = datetime(2030, 1, 31, 9, 30, tzinfo=UTC)
URL = "https://access.example/targets/shop-prod/"


def test_of_an_authority_says_until_when_it_is_good_and_what_to_do() -> None:
    told = authority_notice(target="shop-prod", ends_at=AT, url=URL)

    assert told.subject == "The certificate authority for shop-prod is good only until 31 Jan 2030 09:30 UTC"
    assert "manage.py x509 init" in told.body
    assert told.is_loud


def test_of_a_change_of_ours_says_what_was_changed_and_what_becomes_of_it() -> None:
    told = changes_notice(target="shop-prod\nBcc: all", what="ops changed the user\r\njit-alice", url=f"{URL}changes/")

    assert told.subject == told.title == "Somebody changed what is ours on shop-prod Bcc: all"
    assert told.sentence == (
        "ops changed the user jit-alice. What is no longer as approved is ended by itself; ask whoever did it why."
    )
    assert f"{URL}changes/" in told.body
    assert told.is_loud is False


def test_of_a_proposed_policy_says_who_proposed_what_and_whose_agreement_it_waits_for() -> None:
    told = policy_notice(
        proposer="erin", policy="shop", changed=["reads", "writes"], needed="1 person of security", url=URL
    )

    assert told.subject == told.title == "erin proposes a policy called shop"
    assert told.sentence.startswith(
        "It needs 1 person of security to agree before it is published. It would change reads and writes."
    )
    assert policy_notice(
        proposer="erin", policy="shop", changed=[], needed="1 person of security", url=URL
    ).sentence == (
        "It needs 1 person of security to agree before it is published. Read what would be otherwise, "
        "and agree or reject it there."
    )
