"""Guards what people are told: every event has its sentence, and hope is never told as fact."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessrequests.domain.access_reviews import REVIEW_EVENTS
from accessrequests.domain.approvals import Step
from accessrequests.domain.delegating import DELEGATION_EVENTS
from accessrequests.domain.events import FOLLOW_UPS, Event, Job
from accessrequests.domain.lifecycle import AccessRequestState, EndReason, GrantState
from accessrequests.domain.role_sentences import ROLE_EVENTS
from accessrequests.domain.sentences import (
    MAY_WORK,
    NO_ACCESS,
    Audience,
    Story,
    grant_sentence,
    notice,
    request_sentence,
    timeline,
)
from accessrequests.domain.slack_links import LINK_EVENTS

AT = datetime(2030, 1, 31, 9, 30, tzinfo=UTC)
TITLE = "Alice Archer wants to read shop.orders on shop-prod for 2 hours"
STORY = Story(
    title=TITLE,
    url="https://access.example/requests/7/",
    reason="Refund totals are off.\nApproved by security",
    waiting_for=(Step("data-owners", 1),),
    lapses_at=AT,
    actor="bob",
    note="ask for less.",
    username="jit-acme1-alice-7",
    expires_at=AT,
    end_reason=EndReason.REVOKED,
    target="shop-prod",
    said="Which twelve orders?",
)
PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.text(max_size=5), max_size=2)
FACTS = st.dictionaries(
    st.sampled_from(
        [
            "roles",
            "level",
            "target",
            "duration",
            "length",
            "reason",
            "note",
            "why",
            "expires_at",
            "attempt",
            "by",
            "text",
        ]
    ),
    PLAIN,
)


class TestTimeline:
    @pytest.mark.parametrize(
        ("event", "facts", "sentence"),
        [
            (
                Event.ACCESS_REQUEST_SUBMITTED,
                {
                    "roles": ["read@shop.orders"],
                    "level": "read",
                    "target": "shop-prod",
                    "duration": "PT2H",
                    "reason": "Refunds\nare off.",
                },
                "bob asked to read shop.orders on shop-prod for 2 hours: Refunds are off.",
            ),
            (Event.ACCESS_REQUEST_SUBMITTED, {}, "bob asked to have access."),
            (
                Event.ACCESS_REQUEST_APPROVAL_GIVEN,
                {"group": "data-owners", "comment": ""},
                "bob approved for data-owners.",
            ),
            (
                Event.ACCESS_REQUEST_APPROVAL_GIVEN,
                {"group": "security", "comment": "ok"},
                "bob approved for security: ok.",
            ),
            (
                Event.ACCESS_REQUEST_APPROVAL_GIVEN,
                {"group": "data-owners", "comment": "", "duration": "PT15M", "asked": "PT2H"},
                "bob approved 15 minutes in place of 2 hours for data-owners.",
            ),
            (Event.ACCESS_REQUEST_APPROVED, {"length": "PT1H30M"}, "The request is approved for 1 hour 30 minutes."),
            (Event.ACCESS_REQUEST_DENIED, {"comment": "No."}, "bob denied the request: No."),
            (Event.ACCESS_REQUEST_COMMENTED, {"text": "Would\nstaging do?"}, "bob wrote: “Would staging do?”."),
            (
                Event.ACCESS_REQUEST_REFUSED,
                {"why": "They may not even see it."},
                "bob was refused: They may not even see it.",
            ),
            (
                Event.ACCESS_REQUEST_REFUSED,
                {"why": "It is decided by security. You were not among them."},
                "bob was refused: “It is decided by security. You were not among them.”",
            ),
            (Event.BREAKGLASS_REFUSED, {}, "bob could not break the glass."),
            (Event.GRANT_PROVISIONING_STARTED, {"attempt": 2}, "The access is being set up (attempt 2)."),
            (
                Event.GRANT_ACTIVATED,
                {"username": "jit-acme1-alice-7", "expires_at": "2030-01-31T09:30:00Z"},
                "The access is live as jit-acme1-alice-7 until 31 Jan 2030 09:30 UTC.",
            ),
            (Event.GRANT_ATTEMPT_FAILED, {"attempt": 1, "why": "Away."}, "A step did not succeed (attempt 1): Away."),
            (
                Event.GRANT_REVOCATION_STARTED,
                {"reason": "revoked", "note": "done"},
                "The access is being ended: bob revoked it (done).",
            ),
            (Event.GRANT_CUT, {"evidence": {"users": 0}}, "The access is cut off: no login, and nothing of it runs."),
            (
                Event.GRANT_CUT,
                {"evidence": {"taken": ["read@shop"]}},
                "The access is cut off: the login no longer has the roles.",
            ),
            (Event.GRANT_REVOCATION_STARTED, {"reason": "boredom"}, "The access is being ended: it was ended."),
            (
                Event.CLOCK_SKEWED,
                {"milliseconds": 3600000},
                "The database's clock and one of ours differ by 3600000 ms. Nothing new is opened until they agree.",
            ),
            (
                Event.TARGET_AUTHORITY_ENDING,
                {"expires_at": "2026-12-01T10:00:00+00:00"},
                (
                    "Our certificate authority for the target is good only until 1 Dec 2026 10:00 UTC. "
                    "Make a new one in time."
                ),
            ),
            (
                Event.TARGET_METHOD_MISSING,
                {"why": "No authority."},
                "The target offers a way to sign in that cannot be given there now: No authority.",
            ),
            (Event.TARGET_CLOCK_SKEWED, {"milliseconds": -2500}, "The target's clock and ours differ by -2500 ms."),
            (Event.TOKEN_CREATED, {"name": "laptop"}, "bob made a personal token called laptop."),
        ],
    )
    def test_says_what_the_facts_say(self, event: Event, facts: dict[str, Any], sentence: str) -> None:
        assert timeline(event, actor="bob", facts=facts) == sentence

    @given(st.sampled_from(Event), st.text(max_size=80), FACTS)
    def test_never_fails_and_is_always_one_sentence(self, event: Event, actor: str, facts: dict[str, Any]) -> None:
        sentence = timeline(event, actor=actor, facts=facts)

        assert sentence.endswith(".")
        assert len(sentence.splitlines()) == 1

    def test_repeats_no_fact_that_it_has_no_words_for(self) -> None:
        assert "canary" not in timeline(Event.CREDENTIAL_REVEALED, actor="alice", facts={"password": "canary"})

    def test_fills_no_gap_that_a_person_wrote(self) -> None:
        facts = {"comment": "{why} {0} {by.__class__}", "why": "secret"}

        assert timeline(Event.ACCESS_REQUEST_DENIED, actor="{group}", facts=facts) == (
            "{group} denied the request: {why} {0} {by.__class__}."
        )


class TestRequestSentence:
    @pytest.mark.parametrize(
        ("state", "sentence"),
        [
            (AccessRequestState.PENDING, "It waits for 1 person of security and lapses at 31 Jan 2030 09:30 UTC."),
            (AccessRequestState.APPROVED, "It is approved."),
            (AccessRequestState.DENIED, "bob denied it: too wide."),
            (AccessRequestState.CANCELLED, "It is void: too wide."),
            (AccessRequestState.EXPIRED, "Nobody answered in time, so it has lapsed. It can be asked again."),
        ],
    )
    def test_says_where_it_stands(self, state: AccessRequestState, sentence: str) -> None:
        said = request_sentence(
            state=state, lapses_at=AT, waiting_for=[Step("security", 1)], decided_by="bob", note="too wide."
        )

        assert said == sentence

    def test_leaves_out_an_end_that_stands_beside_it(self) -> None:
        said = request_sentence(
            state=AccessRequestState.PENDING, lapses_at=None, waiting_for=[Step("security", 1)], note=""
        )

        assert said == "It waits for 1 person of security."


class TestGrantSentence:
    @pytest.mark.parametrize(
        ("columns", "sentence"),
        [
            ({"state": GrantState.PENDING}, "Waiting to be set up."),
            ({"state": GrantState.PENDING, "starts_at": AT}, "Waiting for its start at 31 Jan 2030 09:30 UTC."),
            ({"state": GrantState.PENDING, "setting_up": True}, "Setting up."),
            ({"state": GrantState.ACTIVE, "expires_at": AT}, "Live until 31 Jan 2030 09:30 UTC."),
            ({"state": GrantState.ACTIVE}, "Live."),
            ({"state": GrantState.REVOKING, "reason": EndReason.EXPIRY}, "Ending: its time is over."),
            (
                {"state": GrantState.REVOKING, "reason": EndReason.EXPIRY, "overdue": True},
                "Ending: its time is over. It may still work, retrying.",
            ),
            (
                {"state": GrantState.REVOKING, "reason": EndReason.EXPIRY, "overdue": True, "cut": True},
                "Cut off: its time is over. What is left of it is being removed.",
            ),
            (
                {"state": GrantState.REVOKED, "reason": EndReason.REVOKED, "ended_by": "bob", "note": "Done."},
                "Ended: bob revoked it (Done).",
            ),
            (
                {"state": GrantState.REVOKED, "reason": EndReason.PROVISIONING_FAILED, "was_open": False},
                "No access was created: it could not be set up.",
            ),
        ],
    )
    def test_says_where_it_stands(self, columns: dict[str, Any], sentence: str) -> None:
        assert grant_sentence(**columns) == sentence

    @given(
        st.fixed_dictionaries(
            {
                "state": st.sampled_from(GrantState),
                "reason": st.none() | st.sampled_from(EndReason),
                **{name: st.booleans() for name in ("setting_up", "was_open", "cut", "overdue")},
            }
        )
    )
    def test_never_mixes_up_hope_and_fact(self, columns: dict[str, Any]) -> None:
        said = grant_sentence(**columns)

        assert (NO_ACCESS in said) == (columns["state"] is GrantState.REVOKED and not columns["was_open"])
        overdue = columns["state"] is GrantState.REVOKING and columns["overdue"] and not columns["cut"]
        assert ("may still work, retrying" in said) == overdue


class TestNotice:
    def test_asks_an_approver(self) -> None:
        told = notice(Event.ACCESS_REQUEST_SUBMITTED, audience=Audience.APPROVER, story=STORY)

        assert told is not None
        assert told.subject == TITLE
        assert told.body == (
            f"{TITLE}.\n\n"
            "> Refund totals are off.\n> Approved by security\n\n"
            "You are asked because it needs 1 person of data-owners. Approve or deny it here. "
            "Without an answer it lapses at 31 Jan 2030 09:30 UTC.\n\n"
            "https://access.example/requests/7/\n\n"
            "-- \n"
            "You get this because you may decide on this request, or have spoken on it. "
            "A link opens a page and decides nothing; a password is never sent.\n"
        )

    @pytest.mark.parametrize(
        ("event", "subject", "part"),
        [
            (Event.ACCESS_REQUEST_APPROVED, "Approved", "being set up"),
            (Event.ACCESS_REQUEST_DENIED, "Denied", "bob denied it: ask for less. No access was created."),
            (Event.ACCESS_REQUEST_CANCELLED, "Void", "It is void: ask for less. No access was created."),
            (Event.GRANT_ENDING_SOON, "Ends soon", "ends at 31 Jan 2030 09:30 UTC, and whatever runs then is stopped."),
            (Event.GRANT_EXTENDED, "Extended", "lasts until 31 Jan 2030 09:30 UTC. Nothing was interrupted."),
            (
                Event.GRANT_EXTENSION_FAILED,
                "Not extended",
                "ask for less. It ends as it was to, at 31 Jan 2030 09:30 UTC.",
            ),
            (Event.ACCESS_REQUEST_EXPIRED, "Lapsed", "it has lapsed. No access was created."),
            (Event.ACCESS_REQUEST_COMMENTED, "Comment", "> Which twelve orders?\n\nbob wrote this about the request."),
            (Event.GRANT_ACTIVATED, "Live", "live until 31 Jan 2030 09:30 UTC. The user is jit-acme1-alice-7."),
            (Event.GRANT_PROVISIONING_FAILED, "Not set up", MAY_WORK),
            (Event.GRANT_REVOKED, "Ended", "bob revoked it (ask for less). The target confirms"),
            (Event.GRANT_DRIFT_FOUND, "Changed on the target", MAY_WORK),
        ],
    )
    def test_tells_the_requester(self, event: Event, subject: str, part: str) -> None:
        told = notice(event, audience=Audience.REQUESTER, story=STORY)

        assert told is not None
        assert told.subject == f"{subject}: {TITLE}"
        assert part in told.body

    def test_tells_whoever_goes_on_with_their_own_login_that_there_is_no_password(self) -> None:
        told = notice(Event.GRANT_ACTIVATED, audience=Audience.REQUESTER, story=replace(STORY, own_login="alice@admin"))

        assert told is not None
        assert "Nothing is to be revealed: alice@admin goes on with its login." in told.body
        assert "is shown once" not in told.body

    @pytest.mark.parametrize(
        ("event", "subject", "part"),
        [
            (Event.ACCESS_REQUEST_CANCELLED, "Void", "It is void: ask for less. There is nothing left to decide."),
            (Event.GRANT_DRIFT_FOUND, "Changed on the target", MAY_WORK),
        ],
    )
    def test_tells_the_approver(self, event: Event, subject: str, part: str) -> None:
        told = notice(event, audience=Audience.APPROVER, story=STORY)

        assert told is not None
        assert told.subject == f"{subject}: {TITLE}"
        assert part in told.body

    def test_tells_of_what_somebody_took_back(self) -> None:
        story = replace(STORY, note="")
        for audience, part in (
            (Audience.REQUESTER, "taken back before anybody decided"),
            (Audience.APPROVER, "took it back"),
        ):
            told = notice(Event.ACCESS_REQUEST_CANCELLED, audience=audience, story=story)
            assert told is not None
            assert told.subject == f"Taken back: {TITLE}"
            assert part in told.body

    def test_tells_before_an_end_what_can_be_done_or_why_not(self) -> None:
        also = (("Extend it", "https://access.example/access/7/#extend"),)
        for story, part in (
            (replace(STORY, also=also), "Extend it: https://access.example/access/7/#extend\n"),
            (replace(STORY, why_not_longer="The rule denies it."), "It cannot be extended: The rule denies it."),
        ):
            told = notice(Event.GRANT_ENDING_SOON, audience=Audience.REQUESTER, story=story)
            assert told is not None
            assert part in told.body

    def test_tells_whose_certificate_ends_before_the_access(self) -> None:
        story = replace(STORY, certificate_until=STORY.expires_at)
        told = notice(Event.GRANT_EXTENDED, audience=Audience.REQUESTER, story=story)

        assert told is not None
        assert (
            "Your certificate is good only until 31 Jan 2030 09:30 UTC: have a new one made on its page." in told.body
        )

    def test_raises_the_alarm_with_those_who_may_end_it(self) -> None:
        told = notice(Event.GRANT_ATTEMPT_FAILED, audience=Audience.ENDER, story=STORY)

        assert told is not None
        assert told.is_loud
        assert told.subject == f"May still work: {TITLE}"
        assert told.sentence == (
            "The access should have ended, and could not be ended: ask for less. "
            f"{MAY_WORK} If it cannot wait, end the user jit-acme1-alice-7 on shop-prod by hand."
        )
        assert notice(Event.GRANT_ATTEMPT_FAILED, audience=Audience.REQUESTER, story=STORY) is None

    def test_says_that_no_access_was_created_only_when_none_was(self) -> None:
        never = Story(title=TITLE, url="", end_reason=EndReason.PROVISIONING_FAILED, was_open=False)

        failed = notice(Event.GRANT_PROVISIONING_FAILED, audience=Audience.REQUESTER, story=never)
        ended = notice(Event.GRANT_REVOKED, audience=Audience.REQUESTER, story=never)

        assert failed is not None
        assert ended is not None
        assert f"{NO_ACCESS}." in failed.body
        assert MAY_WORK not in failed.body
        assert ended.subject == f"{NO_ACCESS}: {TITLE}"
        assert f"{NO_ACCESS}: it could not be set up." in ended.body

    @pytest.mark.parametrize("audience", Audience)
    def test_leaves_out_what_is_not_known(self, audience: Audience) -> None:
        for event in Event:
            told = notice(event, audience=audience, story=Story(title=TITLE, url="https://access.example/"))

            assert told is None or ("None" not in told.body and "  " not in told.body and "\n\n\n" not in told.body)

    def test_is_made_for_every_event_that_the_table_sends_to_people(self) -> None:
        sent = {event for event, jobs in FOLLOW_UPS.items() if Job.NOTIFY in jobs}
        told = {event for event in Event for audience in Audience if notice(event, audience=audience, story=STORY)}

        # These have notices of their own: to administrators, of custom roles, lent voices, reviews and break-glass, of a
        # policy that is proposed and of accounts of Slack.
        alarms = {event for event in Event if event.value.startswith("breakglass.")}
        apart = {Event.TARGET_AUTHORITY_ENDING, Event.TARGET_OURS_CHANGED, *ROLE_EVENTS, *DELEGATION_EVENTS}
        apart |= {Event.POLICY_PROPOSED, *REVIEW_EVENTS, *LINK_EVENTS, *alarms}
        assert told == sent - apart

    @given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=60))
    def test_has_a_subject_of_one_line_whatever_people_write(self, title: str, reason: str, note: str) -> None:
        story = Story(title=title, url="https://access.example/", reason=reason, note=note, actor=note)

        for event in Event:
            told = notice(event, audience=Audience.REQUESTER, story=story)
            if told:
                assert len(told.subject.splitlines()) <= 1
                assert "\r" not in told.body
