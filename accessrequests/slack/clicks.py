"""Buttons of cards and notices: each calls the operation that the portal's button calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from accessrequests.domain import policy, slack_cards, slack_modals
from accessrequests.domain.events import Via
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.models import AccessRequest, Grant, Person
from accessrequests.models.slack import SlackState
from accessrequests.operations import access_requests
from accessrequests.operations.quarantined import Quarantined
from accessrequests.operations.refusals import NeedsSecondFactor, NotReady
from accessrequests.queries import access_requests as request_queries
from accessrequests.queries import clock, deciding, extensions, slack, slack_homes, slack_questions
from accessrequests.queries import grants as grant_queries
from accessrequests.queries.belonging import belonging_of
from accessrequests.slack import asking, caller, client, ending, homes
from accessrequests.slack.arrival import Arrival
from accessrequests.slack.caller import Turned

_NOT_OURS = "This is no message of ours about that request, so nothing was changed. Press a button of ours."
_NOT_YET = (
    "Slack has not told us yet that it took this message, so nothing was changed. Press again, or use the portal."
)
_NO_MODAL = "Slack did not open the form in time, and nothing was changed. Press again, or use the portal."
# How long a press waits for what Slack shows already and has not told the worker; Slack waits three for the answer.
_NEWS_SECONDS = 1.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Press:
    """One button, pressed by somebody whom we know."""

    arrival: Arrival
    person: Person
    number: int
    revision: int


def pressed(arrival: Arrival) -> None:
    """Nothing is ever ignored silently, but for the buttons that only lead to a page."""
    try:
        _carry_out(arrival)
    except Quarantined as error:
        caller.tell(arrival, Turned(str(error)))  # nor may a refusal be kept


def _carry_out(arrival: Arrival) -> None:
    actions = arrival.part("actions")
    first = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}
    about_nothing = _OF_NO_REQUEST.get(str(first.get("action_id", "")))
    if about_nothing is not None:
        about_nothing(arrival)
        return
    do = _DEEDS.get(str(first.get("action_id", "")))
    if do is None:
        return
    value = slack_cards.parse_value(first.get("value"))
    number, revision = value or (0, 0)
    person = caller.person_of(arrival)
    if isinstance(person, Turned):
        caller.turn_away(arrival, person, access_request_id=number)
        return
    why_not = _why_no_copy(arrival, number)
    if why_not:
        if why_not == _NOT_OURS:
            caller.keep(arrival, why_not, access_request_id=number)
        caller.tell(arrival, Turned(why_not), access_request_id=number or None)
    else:
        press = Press(arrival, person, number, revision)
        try:
            do(press)
        except caller.EXPECTED as error:
            caller.tell(arrival, _turned(press, error), access_request_id=number)


def _turned(press: Press, error: Exception) -> Turned:
    sentence = caller.explain(error, press.person)
    is_for_the_web = isinstance(error, NeedsSecondFactor)
    return Turned(sentence, "Open to approve", page_of(press.number)) if is_for_the_web else Turned(sentence)


def page_of(number: int) -> str:
    return f"{settings.ACCESS_BASE_URL}/approvals/{number}/"


def _why_no_copy(arrival: Arrival, number: int) -> str:
    """Nothing for a message about that request, or the presser's Home, in which it stands."""
    account = arrival.account.slack_user_id
    if arrival.text("view", "type") == "home":
        return "" if slack_homes.shows(slack_user_id=account, access_request_id=number) else _NOT_OURS
    channel, ts = arrival.text("container", "channel_id"), arrival.text("container", "message_ts")
    until = time.monotonic() + _NEWS_SECONDS
    while True:
        copies = slack.copies_at(access_request_id=number, channel=channel, ts=ts, slack_user_id=account)
        if SlackState.POSTED in copies:
            return ""
        if SlackState.WANTED not in copies:
            return _NOT_OURS
        if time.monotonic() > until:
            return _NOT_YET
        time.sleep(_LOOK_SECONDS)


def _approve(press: Press) -> None:
    access_requests.approve(
        access_request_id=press.number, approver=press.person, via=Via.SLACK, revision=press.revision
    )


def _approve_shorter(press: Press) -> None:
    access_request = _decidable(press)
    longest = access_request.approved_duration or access_request.duration
    title = request_queries.title_of(access_request)
    _open(press, slack_modals.shorter(press.number, press.revision, title=title, longest=longest))


def _deny(press: Press) -> None:
    access_request = _decidable(press)
    _open(press, slack_modals.deny(press.number, press.revision, title=request_queries.title_of(access_request)))


def _take_back(press: Press) -> None:
    access_requests.cancel(
        access_request_id=press.number, requester=press.person, via=Via.SLACK, revision=press.revision
    )


def _end(press: Press) -> None:
    ending.end(Grant.objects.select_related("holder").get(access_request=press.number), press.person)


def _extend(press: Press) -> None:
    """Only for whose access it is, and only where it can last longer; the operation judges again."""
    grant = grant_queries.as_shown().get(access_request=press.number)
    longer = extensions.longer(grant, at=clock.now())
    if not press.person.stands_for(grant.holder):
        raise caller.refused("Only the person who holds an access can have it extended.", press.number)
    if not longer.longest or grant.expires_at is None:
        raise NotReady(longer.why_not or "A later end waits for an answer, or is on its way already.")
    named = slack_questions.named(request_queries.as_shown().get(pk=press.number))
    form = slack_modals.extend(
        press.number, press.revision, named=named, ends_at=grant.expires_at, longest=longer.longest
    )
    _open(press, form)


def _decidable(press: Press) -> AccessRequest:
    """Who may not decide is told before they type; the operation judges again.

    :raises Refused: with what the operation would say.
    """
    access_request = request_queries.as_shown().select_related("target__inventory").get(pk=press.number)
    if access_request.state == AccessRequestState.PENDING:
        verdict = policy.from_json(access_request.verdict)
        why_not = deciding.why_not_decide(belonging_of(press.person), access_request, verdict, at=clock.now())
        if why_not:
            raise caller.refused(why_not, press.number)
    return access_request


def _open(press: Press, view: Mapping[str, Any]) -> None:
    """The web calls itself: a trigger lives for three seconds, so nobody else can."""
    if not client.open_view(trigger_id=press.arrival.text("trigger_id"), view=view):
        turned = Turned(_NO_MODAL, "Open the request", page_of(press.number))
        caller.tell(press.arrival, turned, access_request_id=press.number)


_DEEDS: Mapping[str, Callable[[Press], None]] = {
    slack_cards.APPROVE: _approve,
    slack_cards.APPROVE_SHORTER: _approve_shorter,
    slack_cards.DENY: _deny,
    slack_cards.END: _end,
    slack_cards.EXTEND: _extend,
    slack_cards.TAKE_BACK: _take_back,
}
_OF_NO_REQUEST: Mapping[str, Callable[[Arrival], None]] = {
    slack_cards.ASK: asking.offer,
    slack_cards.LINK: homes.link,
}
