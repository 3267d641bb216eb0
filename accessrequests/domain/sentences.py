"""What people are told, in whole sentences: one builder for the portal, the API, mail and every channel to come.

Plain values in, text out; no secret is ever among the values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from accessrequests.domain.access_reviews import ANSWERED
from accessrequests.domain.approvals import Step
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import AccessRequestState, EndReason, GrantState
from accessrequests.domain.notices import NEVER_BY_MAIL, Audience, Notice, Story, notice
from accessrequests.domain.privileges import Level
from accessrequests.domain.reviews import Finding
from accessrequests.domain.window import (
    InvalidDuration,
    InvalidMoment,
    parse_duration,
    parse_moment,
    spell_duration,
)
from accessrequests.domain.wording import (
    MAY_WORK,
    NO_ACCESS,
    because,
    deed,
    ending,
    moment,
    name,
    one_line,
    own_title,
    paragraphs,
    people_needed,
    piece,
    title,
)

__all__ = [
    "MAY_WORK",
    "NEVER_BY_MAIL",
    "NO_ACCESS",
    "Audience",
    "Notice",
    "Story",
    "deed",
    "ending",
    "grant_sentence",
    "moment",
    "notice",
    "one_line",
    "own_title",
    "paragraphs",
    "people_needed",
    "request_sentence",
    "timeline",
    "title",
]

LONGEST_COMMENT = 2_000
FINDINGS: Mapping[str, str] = {
    Finding.REAL.value: "a real emergency",
    Finding.DRILL.value: "a drill",
    Finding.MISUSE.value: "misuse",
}

_SPEAKS_TO_THEM = re.compile(r"\b(?:you|your|yours)\b", re.IGNORECASE)

_TALLY: Mapping[str, str] = {**ANSWERED, "over": "over before an answer"}

# {by} is who acted; the other gaps are filled by `_gaps`, and stay empty where the audit event keeps no such fact.
_TIMELINE: Mapping[Event, str] = {
    Event.ACCESS_REQUEST_SUBMITTED: "{by} asked to {deed}{length}{more}{reason}.",
    Event.ACCESS_REQUEST_EDITED: "{by} changed the request, to {deed}{length}{reason}. Answers given before do not count.",
    Event.ACCESS_REQUEST_ASKED: "People of {groups} were asked{why}.",
    Event.ACCESS_REQUEST_APPROVAL_GIVEN: "{by}{behalf} approved{shorter}{group}{comment}.",
    Event.ACCESS_REQUEST_APPROVED: "The request is approved{length}{on_call}.",
    Event.ACCESS_REQUEST_EXTENSION_APPROVED: "More time is approved{length}. It counts once the target has the new end.",
    Event.ACCESS_REQUEST_DENIED: "{by}{behalf} denied the request{comment}.",
    Event.ACCESS_REQUEST_CANCELLED: "{taken_back}{why}.",
    Event.ACCESS_REQUEST_EXPIRED: "Nobody answered in time, so the request has lapsed.",
    Event.ACCESS_REQUEST_COMMENTED: "{by} wrote{said}.",
    Event.ACCESS_REQUEST_REFUSED: "{by} was refused{told}",
    Event.GRANT_PROVISIONING_STARTED: "The access is being set up{attempt}.",
    Event.GRANT_ACTIVATED: "The access is live{username}{until}.",
    Event.GRANT_WAITING: "It takes longer than usual{why}.",
    Event.GRANT_ATTEMPT_FAILED: "A step did not succeed{attempt}{why}.",
    Event.GRANT_PROVISIONING_FAILED: "The access could not be set up{why}.",
    Event.GRANT_EXTENDED: "The access was extended{length}: the target has the new end, and it lasts{until}{reason}.",
    Event.GRANT_EXTENSION_FAILED: "The access could not be extended, and lasts{until} as before{why}.",
    Event.GRANT_ENDING_SOON: "Its holder was told that the access lasts only{until}.",
    Event.GRANT_REVOCATION_STARTED: "The access is being ended: {ending}.",
    Event.GRANT_REVOCATION_HURRIED: "{by} asked that it be ended again at once.",
    Event.GRANT_SWEPT: "The sweep had ended it on the target{swept}, while nobody else of us did.",
    Event.GRANT_CUT: "The access is cut off: {cut}.",
    Event.GRANT_REVOKED: "The access is gone: the target has nothing of it left.",
    Event.GRANT_END_PUT_BACK: "Somebody had moved its end on the target. It is again as it was approved.",
    Event.GRANT_DRIFT_FOUND: "The access was changed on the target{why}.",
    Event.GRANT_DIAGNOSIS_ASKED: "{by} asked why one cannot connect.",
    Event.GRANT_DIAGNOSED: "Every gate was looked at{why}.",
    Event.GRANT_REFUSED: "{by} was refused{told}",
    Event.CREDENTIAL_REVEALED: "{by} was shown the {what}, once.",
    Event.CREDENTIAL_ERASED: "The copy of the password was erased{why}.",
    Event.CREDENTIAL_ROTATION_STARTED: "{by} asked for a new {what}.",
    Event.CREDENTIAL_ROTATED: "The new {what} is ready.",
    Event.BREAKGLASS_REQUESTED: "{by} broke the glass to {deed}{length}{reason}.",
    Event.BREAKGLASS_ACTIVATED: "The access is given at once{length}, and everybody whom the policy names is told.",
    Event.BREAKGLASS_USED: "It is in use{how}.",
    Event.BREAKGLASS_ENDED: "The break-glass is over. Somebody else reviews what was done.",
    Event.BREAKGLASS_REVIEWED: "{by} reviewed it and found {finding}{comment}.",
    Event.BREAKGLASS_REVIEW_OVERDUE: "Nobody has reviewed it in time. Until it is, the person cannot break the glass.",
    Event.BREAKGLASS_DRILL_DUE: "No drill went well there within 90 days.",
    Event.BREAKGLASS_SELF_TEST_ASKED: "{by} asked that break-glass be tested now.",
    Event.BREAKGLASS_SELF_TESTED: "Whether break-glass would work was tested{why}.",
    Event.BREAKGLASS_REFUSED: "{by} could not break the glass{told}",
    Event.BREAKGLASS_ALERT_FAILED: "An alarm did not get through{channel}{why}. It is tried again and again.",
    Event.DELEGATION_MADE: "{by} lets {stand_in} answer requests in their place{from}{until}.",
    Event.DELEGATION_ENDED: "{stand_in} no longer answers requests in the place of {giver}{why}.",
    Event.BREAKGLASS_KIT_ORDERED: "{by} began to make the offline kit.",
    Event.BREAKGLASS_KIT_MADE: "The offline kit was made and sealed for its two holders.",
    Event.BREAKGLASS_KIT_USED: "Somebody logged in with the offline kit{why}. Its password is changed at once.",
    Event.BREAKGLASS_KIT_ROTATED: "The password of the offline kit was changed and kept by nobody. The kit is spent.",
    Event.BREAKGLASS_KIT_REVIEWED: "{by} reviewed the use of the offline kit and found {finding}{comment}.",
    Event.BREAKGLASS_KIT_REVIEW_OVERDUE: "Nobody has reviewed the use of the offline kit in time.",
    Event.BREAKGLASS_KIT_DAMAGED: "The offline kit would not work as it should{why}.",
    Event.BREAKGLASS_KIT_ENDED: "{by} ended the offline kit. Its user is gone from the target.",
    Event.ACCESS_REVIEW_STARTED: "{by} started an access review{name}{items}.",
    Event.ACCESS_REVIEW_ANSWERED: "{by} reviewed {access}, and it is {answered}{comment}.",
    Event.ACCESS_REVIEW_HANDED_OVER: "What is not ours was handed to those who own {on}: to be seen to by them.",
    Event.ACCESS_REVIEW_REMINDED: "Those who still have something to review were reminded{open}.",
    Event.ACCESS_REVIEW_SIGNED_OFF: "{by} signed the access review off{tally}{comment}.",
    Event.ACCESS_REVIEW_CANCELLED: "{by} cancelled the access review{comment}. What was answered stands.",
    Event.ACCESS_REVIEW_REFUSED: "{by} was refused{told}",
    Event.AUDIT_VERIFIED: "{by} checked the audit trail{why}.",
    Event.AUDIT_EXPORTED: "{by} took a copy of audit events away{why}.",
    Event.POLICY_DRAFTED: "{by} wrote a draft of a policy{name}.",
    Event.POLICY_PROPOSED: "{by} proposed a policy{name}.",
    Event.POLICY_APPROVED: "{by} agreed to a policy{name}{comment}.",
    Event.POLICY_REJECTED: "{by} rejected a policy{name}{why}.",
    Event.POLICY_PUBLISHED: "{by} published a policy{name}.",
    Event.SCHEDULE_CHANGED: "The on-call schedule was read anew{shifts}.",
    Event.SCHEDULE_UNREADABLE: "The on-call schedule could not be read{why}. Once it is too old, nobody is on call by it.",
    Event.TARGET_APPLIED: "{by} applied the target's entry in the catalogue.",
    Event.TARGET_UNREACHABLE: "The target does not answer{why}.",
    Event.TARGET_REACHABLE: "The target answers again.",
    Event.TARGET_MOVED: "The target's record leads elsewhere than before{why}. What was made there can only be ended.",
    Event.TARGET_LOOK_ASKED: "{by} had the target looked at.",
    Event.TARGET_CHANGED_OUTSIDE: "Something was changed on the target outside of this product{why}.",
    Event.TARGET_OURS_CHANGED: "Somebody changed what is ours on the target{why}.",
    Event.TARGET_ORPHAN_ENDED: "Something of ours that belongs to no grant was ended{username}.",
    Event.TARGET_AUTHORITY_ENDING: "Our certificate authority for the target is good only{until}. Make a new one in time.",
    Event.TARGET_METHOD_MISSING: "The target offers a way to sign in that cannot be given there now{why}.",
    Event.TARGET_CLOCK_SKEWED: "The target's clock and ours differ{skew}.",
    Event.CLOCK_SKEWED: "The database's clock and one of ours differ{skew}. Nothing new is opened until they agree.",
    Event.DATABASE_QUARANTINED: "The product's database was restored or copied, and acts on nothing until it is accepted{why}.",
    Event.DATABASE_ACCEPTED: "{by} accepted the product's database, which had been quarantined{why}.",
    Event.DATABASE_RESEALED: "{by} had what is sealed in the product's database sealed anew with the newest key{name}.",
    Event.PERSON_APPLIED: "{by} changed what is known of a person.",
    Event.PERSON_DISABLED: "A person may no longer sign in{why}.",
    Event.PERSON_ENABLED: "A person may sign in again{why}.",
    Event.PERSON_SIGNED_IN: "{by} signed in{way}.",
    Event.PERSON_SIGN_IN_REFUSED: "A sign-in was refused{why}.",
    Event.PERSON_SESSIONS_ENDED: "{by} signed out everywhere else.",
    Event.PERSON_SECOND_FACTOR_ADDED: "{by} added a second factor{way}.",
    Event.PERSON_SECOND_FACTOR_REMOVED: "{by} removed a second factor{way}.",
    Event.PERSON_RECOVERY_CODES_MADE: "{by} made new recovery codes. The old ones no longer work.",
    Event.PERSON_CHANNELS_CHOSEN: "{by} chose by which channels they are told of what.",
    Event.PERSON_SLACK_LINKED: "{by} linked a Slack account{name}.",
    Event.PERSON_SLACK_UNLINKED: "{by} unlinked a Slack account{name}.",
    Event.SLACK_REJECTED: "Something that came as if from Slack was rejected{why}.",
    Event.SLACK_STOPPED: "Nothing is sent to Slack any more{why}. Mails and the portal go on.",
    Event.SLACK_RESUMED: "Slack takes messages again. What waited is sent now.",
    Event.SLACK_CHANNEL_LEFT: "Nobody is asked in this channel of Slack{why}.",
    Event.SLACK_CHANNEL_USED: "People are asked in this channel of Slack again.",
    Event.SLACK_CHANNEL_MOVED: "This channel of Slack has another id now, and is{name}.",
    Event.SLACK_TEST_ASKED: "{by} had a test message sent to Slack.",
    Event.CUSTOM_ROLE_PROPOSED: "{by} proposed to {change}{reason}.",
    Event.CUSTOM_ROLE_APPROVAL_GIVEN: "{by} approved{group}{comment}.",
    Event.CUSTOM_ROLE_APPROVED: "The change is approved: {change}.",
    Event.CUSTOM_ROLE_DENIED: "{by} denied the change{comment}.",
    Event.CUSTOM_ROLE_CANCELLED: "{by} took the change back{why}.",
    Event.CUSTOM_ROLE_EXPIRED: "Nobody answered in time; the change has lapsed.",
    Event.CUSTOM_ROLE_APPLIED: "Atlas has the change: {change}.",
    Event.CUSTOM_ROLE_FAILED: "The change was not made{why}.",
    Event.CUSTOM_ROLE_REFUSED: "{by} was refused{told}",
    Event.GROUP_APPLIED: "{by} changed what the members of a group may do.",
    Event.TOKEN_CREATED: "{by} made a personal token{name}.",
    Event.TOKEN_REVOKED: "{by} revoked a personal token{name}.",
}


def timeline(event: Event, *, actor: str, facts: Mapping[str, Any]) -> str:
    """The sentence of one event, from the facts that its audit event keeps."""
    return _TIMELINE[event].format_map({"by": name(actor), **_gaps(actor, facts)})


def request_sentence(
    *,
    state: AccessRequestState,
    lapses_at: datetime | None,
    waiting_for: Sequence[Step] = (),
    decided_by: str = "",
    note: str = "",
) -> str:
    """Where a request stands. `note` is what the person who denied it said, or why it is void.

    `lapses_at` is left out where it stands beside the sentence, in the reader's own time.
    """
    lapses = piece(" and lapses at {}", moment(lapses_at) if lapses_at else "")
    return {
        AccessRequestState.PENDING: f"It waits for {people_needed(waiting_for)}{lapses}.",
        AccessRequestState.APPROVED: "It is approved.",
        AccessRequestState.DENIED: f"{name(decided_by)} denied it{because(note)}.",
        AccessRequestState.CANCELLED: f"It is void{because(note)}." if note else "The requester took it back.",
        AccessRequestState.EXPIRED: "Nobody answered in time, so it has lapsed. It can be asked again.",
    }[state]


def grant_sentence(
    *,
    state: GrantState,
    starts_at: datetime | None = None,
    expires_at: datetime | None = None,
    reason: EndReason | None = None,
    ended_by: str = "",
    note: str = "",
    setting_up: bool = False,
    was_open: bool = True,
    cut: bool = False,
    overdue: bool = False,
) -> str:
    """Where a grant stands. That no access was created and that it may still work are never mixed up.

    `starts_at` is a start that lies ahead; `setting_up`: an attempt is under way; `was_open`: it may have worked at
    some time; `cut`: the target has confirmed that it no longer works; `overdue`: it should have by now.
    """
    if state is GrantState.PENDING:
        waits = f"Waiting for its start at {moment(starts_at)}." if starts_at else "Waiting to be set up."
        return "Setting up." if setting_up else waits
    if state is GrantState.ACTIVE:
        return f"Live until {moment(expires_at)}." if expires_at else "Live."
    why = ending(reason, by=ended_by, note=note)
    if state is GrantState.REVOKED:
        return f"Ended: {why}." if was_open else f"{NO_ACCESS}: {why}."
    if cut:
        return f"Cut off: {why}. What is left of it is being removed."
    return f"Ending: {why}. It may still work, retrying." if overdue else f"Ending: {why}."


def _gaps(actor: str, facts: Mapping[str, Any]) -> dict[str, str]:
    """What the facts say, each as a piece that fits into a sentence or, when it is not there, as nothing."""
    text = {key: one_line(str(value)) for key, value in facts.items() if value not in (None, "")}
    note = text.get("note", "")
    return {
        "deed": _deed(facts),
        "on_call": piece(", since the person is on call by {}", text.get("on_call", "")),
        "shifts": piece(": {} shifts", text.get("shifts", "")),
        "taken_back": "The request is void" if "why" in text else f"{name(actor)} took the request back",
        "change": _change(text),
        "more": " more" if facts.get("extends") else "",
        "length": piece(" for {}", _spelled(facts.get("length", facts.get("duration")))),
        "shorter": f" {_spelled(facts['duration'])} in place of {_spelled(facts['asked'])}" if "asked" in facts else "",
        "reason": because(text.get("reason", "")),
        "groups": _listed(facts.get("groups")),
        "group": piece(" for {}", text.get("group", "")),
        "behalf": piece(", for {},", text.get("on_behalf_of", "")),
        "giver": text.get("giver", "somebody"),
        "stand_in": text.get("stand_in", "somebody"),
        "from": piece(" from {}", _told_moment(facts.get("starts_at"))),
        "comment": because(text.get("comment", "")),
        "said": piece(": “{}”", one_line(str(facts.get("text") or ""), LONGEST_COMMENT)),
        "why": because(text.get("why", "")),
        "told": _told(text.get("why", "")),
        "attempt": piece(" (attempt {})", text.get("attempt", "")),
        "username": piece(" as {}", text.get("username", "")),
        "until": piece(" until {}", _told_moment(facts.get("expires_at", facts.get("ends_at")))),
        "ending": ending(_end_reason(facts.get("reason")), by=actor, note=note),
        "name": piece(" called {}", text.get("name", "")),
        "way": piece(" with {}", text.get("way", "")),
        "cut": _cut(facts),
        "swept": piece(" at {}", _told_moment(facts.get("swept_at"))),
        "what": text.get("what", "password"),
        "how": because(text.get("how", "")),
        "finding": FINDINGS.get(text.get("finding", ""), "something"),
        "channel": piece(" by {}", text.get("channel", "")),
        **_of_review(text, facts),
        "skew": piece(" by {} ms", text.get("milliseconds", "")),
    }


def _told(why: str) -> str:
    """What somebody was refused with, quoted where it speaks to them: whoever reads it afterwards is somebody else."""
    return f": “{why}”" if _SPEAKS_TO_THEM.search(why) else f"{because(why)}."


def _of_review(text: Mapping[str, str], facts: Mapping[str, Any]) -> dict[str, str]:
    """What is told of access reviews."""
    counts = [f"{facts[key]} {words}" for key, words in _TALLY.items() if facts.get(key)]
    return {
        "items": piece(", of {} accesses", text.get("items", "")),
        "access": text.get("access", "an access"),
        "answered": ANSWERED.get(text.get("answer", ""), "answered"),
        "on": _listed(facts.get("targets")) if facts.get("targets") else "the target",
        "open": piece(": {} without an answer", text.get("open", "")),
        "tally": piece(" ({})", ", ".join(counts)),
    }


def _change(text: Mapping[str, str]) -> str:
    """What is to become of a custom role: create the role reporting on ecommerce-prod."""
    return f"{text.get('change', 'change')} the role {text.get('role', 'of another version')}{piece(' on {}', text.get('target', ''))}"


def _cut(facts: Mapping[str, Any]) -> str:
    """Whoever goes on with their own login loses the roles, and nothing else."""
    evidence = facts.get("evidence")
    is_of_a_login = isinstance(evidence, Mapping) and "taken" in evidence
    return "the login no longer has the roles" if is_of_a_login else "no login, and nothing of it runs"


def _deed(facts: Mapping[str, Any]) -> str:
    """The audit trail may hold rows of older versions, so facts are read with care: a timeline must never fail."""
    try:
        return deed(
            roles=facts["roles"],
            level=Level(facts["level"]),
            target=one_line(str(facts["target"])),
            clusters=[str(name) for name in facts.get("clusters", ())],
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        return "have access"


def _listed(value: object) -> str:
    names = [one_line(str(one)) for one in value] if isinstance(value, list | tuple) else []
    return " and ".join(names) or "the groups that decide"


def _spelled(value: object) -> str:
    try:
        return spell_duration(parse_duration(value))
    except InvalidDuration:
        return ""


def _told_moment(value: object) -> str:
    try:
        return moment(parse_moment(value))
    except InvalidMoment:
        return ""


def _end_reason(value: object) -> EndReason | None:
    try:
        return EndReason(str(value))
    except ValueError:
        return None
