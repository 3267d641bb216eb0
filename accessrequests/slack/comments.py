"""What is written in the thread of a request's card is a comment on the request, as if it were written on its page."""

from __future__ import annotations

from accessrequests.domain import slack_text
from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, SlackMessage
from accessrequests.operations import access_requests
from accessrequests.queries import slack
from accessrequests.queries.access_requests import visible_to
from accessrequests.slack import caller
from accessrequests.slack.arrival import Arrival
from accessrequests.slack.caller import Turned

# docs.slack.dev, reference/events/message: edits, joinings and the like have a subtype; so has a reply sent to the channel, too.
_WRITTEN = frozenset({"", "thread_broadcast"})


def written(arrival: Arrival) -> None:
    """By a person, in a thread of ours: what we say ourselves, and what is said beside it, is nobody's comment."""
    thread = _thread(arrival) if _is_of_a_person(arrival) else None
    if thread is None or thread.access_request is None:
        return
    number = thread.access_request.pk
    person = caller.person_of(arrival)
    if isinstance(person, Turned):
        caller.turn_away(arrival, person, access_request_id=number, thread_id=thread.pk)
        return
    text = arrival.text("event", "text")
    names = slack.names_of(slack_text.mentioned(text))
    try:
        access_requests.comment(
            access_request_id=number,
            person=person,
            via=Via.SLACK,
            text=slack_text.spoken(text, names=names),
            thread=thread.place,
        )
    except caller.EXPECTED as error:
        if caller.may_be_told(arrival):
            is_theirs = visible_to(person).filter(pk=number).exists()
            why = error if is_theirs else AccessRequest.DoesNotExist()
            sentence = f"This is not a comment on the request. {caller.explain(why, person)}"
            caller.tell(arrival, Turned(sentence), access_request_id=number, thread_id=thread.pk)


def _is_of_a_person(arrival: Arrival) -> bool:
    is_ours = arrival.text("event", "bot_id") or not arrival.account.slack_user_id
    return not is_ours and arrival.text("event", "subtype") in _WRITTEN


def _thread(arrival: Arrival) -> SlackMessage | None:
    ts = arrival.text("event", "thread_ts")
    if not ts or ts == arrival.text("event", "ts"):
        return None
    return slack.card_at(channel=arrival.text("event", "channel"), ts=ts)
