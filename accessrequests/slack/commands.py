"""`/access`: ask, list what is yours and what waits for you, end an access. Answered where it was typed, to whom typed it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from accessrequests.domain import slack_cards
from accessrequests.domain.block_kit import Message
from accessrequests.domain.wording import one_line
from accessrequests.models import Grant, Person
from accessrequests.queries import access_requests as request_queries
from accessrequests.queries import clock, holdings, slack
from accessrequests.queries.belonging import belonging_of
from accessrequests.slack import asking, caller, client, ending
from accessrequests.slack.arrival import Arrival
from accessrequests.slack.caller import Turned

_HELP = (
    "/access asks for access. /access mine shows what you have and wait for. /access approvals shows what waits for you. "
    "/access end 77 asks, and then ends the access of request 77. /access help shows this. The app's Home has all of it with buttons."
)
_LINK_COMES = (
    "Your Slack account is linked to nobody in Access Requests. The way to link it comes in a message that you alone see, "
    "here or among your messages with this app."
)
_WHICH = "Say the number of the request whose access is to end, as in /access end 77. Every card has it."
_NOT_OPENED = "Slack did not open the question in time, and nothing was ended. Try again, or end it in the portal."
_LONGEST_WORD = 60
_MOST = slack_cards.MOST_LISTED


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody whom we know typed: the first word, and what stands behind it."""

    arrival: Arrival
    person: Person
    word: str
    rest: str


def command(arrival: Arrival) -> dict[str, Any] | None:
    """Nothing, where a form has opened."""
    person = caller.person_of(arrival)
    if isinstance(person, Turned):
        if not person.url:
            return _whispered(person)
        caller.turn_away(arrival, person)
        return _whispered(Turned(_LINK_COMES))
    first, _, rest = " ".join(arrival.text("text").split()).partition(" ")
    if not first:
        turned = asking.begin(arrival)
        return _whispered(turned) if turned is not None else None
    answer = _WORDS.get(first.lower(), _unknown)
    try:
        said = answer(Typed(arrival, person, first, rest))
    except caller.EXPECTED as error:
        return _whispered(Turned(caller.explain(error, person)))
    return _ephemeral(said) if said is not None else None


def _whispered(turned: Turned) -> dict[str, Any]:
    return _ephemeral(slack_cards.whisper(turned.sentence, label=turned.label, url=turned.url))


def _ephemeral(message: Message) -> dict[str, Any]:
    return {"response_type": "ephemeral", "text": message.text, "blocks": list(message.blocks)}


def _help(_typed: Typed) -> Message:
    return slack_cards.whisper(_HELP)


def _unknown(typed: Typed) -> Message:
    said = one_line(typed.word, _LONGEST_WORD)
    return slack_cards.whisper(f"“{said}” was not understood, so nothing was done. {_HELP}")


def _mine(typed: Typed) -> Message:
    person, at, base = typed.person, clock.now(), settings.ACCESS_BASE_URL
    held = holdings.grants_held(person).filter(state__in=holdings.ALIVE).order_by("expires_at", "pk")[:_MOST]
    lines = [
        *((grant.access_request_id, _of_grant(grant, at), f"{base}/access/{grant.pk}/") for grant in held),
        *((one.number, one.words, one.url) for one in slack.own_asks(person, at=at, most=_MOST)),
    ]
    heading = "What you have, and what you wait for" if lines else "You have no access, and wait for none"
    return slack_cards.listed(heading, lines, url=f"{base}/access/")


def _of_grant(grant: Grant, at: datetime) -> str:
    sentence = slack.sentence_of_grant(grant, at=at)
    return f"{', '.join(grant.access_request.roles)} on {grant.target.slug}. {sentence}"


def _approvals(typed: Typed) -> Message:
    base = settings.ACCESS_BASE_URL
    waiting = request_queries.inbox_of(belonging_of(typed.person), most=_MOST)
    lines = [(one.pk, request_queries.title_of(one), f"{base}/approvals/{one.pk}/") for one in waiting]
    return slack_cards.listed("Waiting for you" if lines else "Nothing waits for you", lines, url=f"{base}/approvals/")


def _end(typed: Typed) -> Message | None:
    """Nothing, where the question has opened.

    :raises DoesNotExist: when it is not there or not theirs to see.
    """
    number = typed.rest
    if not (number.isascii() and number.isdigit()):
        return slack_cards.whisper(_WHICH)
    form = ending.question(typed.person, int(number) if len(number) < len(str(2**63)) else 0)
    if client.open_view(trigger_id=typed.arrival.text("trigger_id"), view=form):
        return None
    return slack_cards.whisper(
        _NOT_OPENED, label="Open the request", url=f"{settings.ACCESS_BASE_URL}/requests/{number}/"
    )


_WORDS: Mapping[str, Callable[[Typed], Message | None]] = {
    "mine": _mine,
    "approvals": _approvals,
    "end": _end,
    "help": _help,
}
