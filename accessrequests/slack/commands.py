"""`/access`: ask, list what is yours and what waits for you, end an access. Answered where it was typed, to whom typed it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings

from accessrequests.domain import slack_cards
from accessrequests.domain.block_kit import Message
from accessrequests.domain.events import Via
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.models import AccessRequest, Grant, Person
from accessrequests.operations import refusals
from accessrequests.operations.refusals import NotYours
from accessrequests.queries import access_requests as request_queries
from accessrequests.queries import clock, holdings, people, standing
from accessrequests.queries import grants as grant_queries
from accessrequests.queries.belonging import belonging_of
from accessrequests.slack import asking, caller, ending
from accessrequests.slack.arrival import Arrival
from accessrequests.slack.caller import Turned

_HELP = (
    "/access asks for access. /access mine shows what you have and wait for. /access approvals shows what waits for you. "
    "/access end 77 ends the access of request 77. /access help shows this. The app's Home has all of it with buttons."
)
_COMES = "The way to link it comes in a message that you alone see."
_MOST = slack_cards.MOST_LISTED


def command(arrival: Arrival) -> dict[str, Any] | None:
    """Nothing, where a form has opened."""
    person = caller.person_of(arrival)
    if isinstance(person, Turned):
        if not person.url:
            return _whispered(person)
        caller.turn_away(arrival, person)
        return _whispered(Turned(f"{person.sentence} {_COMES}"))
    first, _, rest = " ".join(arrival.text("text").split()).partition(" ")
    if not first:
        turned = asking.begin(arrival)
        return _whispered(turned) if turned is not None else None
    answer = _WORDS.get(first.lower(), _help)
    try:
        return _ephemeral(answer(person, rest))
    except caller.EXPECTED as error:
        return _whispered(Turned(caller.explain(error, person)))


def _whispered(turned: Turned) -> dict[str, Any]:
    return _ephemeral(slack_cards.whisper(turned.sentence, label=turned.label, url=turned.url))


def _ephemeral(message: Message) -> dict[str, Any]:
    return {"response_type": "ephemeral", "text": message.text, "blocks": list(message.blocks)}


def _help(_person: Person, _rest: str) -> Message:
    return slack_cards.whisper(_HELP)


def _mine(person: Person, _rest: str) -> Message:
    at, base = clock.now(), settings.ACCESS_BASE_URL
    held = holdings.grants_held(person).filter(state__in=holdings.ALIVE).order_by("expires_at", "pk")[:_MOST]
    asked = request_queries.as_shown().filter(requester=person, state=AccessRequestState.PENDING.value).order_by("-pk")
    lines = [
        *((_of_grant(grant, standing.sentence_of(grant, at=at)), f"{base}/access/{grant.pk}/") for grant in held),
        *(
            (f"Request {one.pk}: {request_queries.title_of(one)}", f"{base}/requests/{one.pk}/")
            for one in asked[:_MOST]
        ),
    ]
    heading = "What you have, and what you wait for" if lines else "You have no access, and wait for none"
    return slack_cards.listed(heading, lines, url=f"{base}/access/")


def _of_grant(grant: Grant, sentence: str) -> str:
    return (
        f"Request {grant.access_request_id}: {', '.join(grant.access_request.roles)} on {grant.target.slug}. {sentence}"
    )


def _approvals(person: Person, _rest: str) -> Message:
    base = settings.ACCESS_BASE_URL
    waiting = request_queries.inbox_of(belonging_of(person))[:_MOST]
    lines = [(f"Request {one.pk}: {request_queries.title_of(one)}", f"{base}/approvals/{one.pk}/") for one in waiting]
    return slack_cards.listed("Waiting for you" if lines else "Nothing waits for you", lines, url=f"{base}/approvals/")


def _end(person: Person, rest: str) -> Message:
    """By the number of the request, which is what every card says.

    :raises DoesNotExist: when it is not there or not theirs to see, which is kept.
    """
    number = int(rest) if rest.isascii() and rest.isdigit() and len(rest) < len(str(2**63)) else 0
    grant = grant_queries.visible_to(person).filter(access_request=number).first()
    if grant is None:
        there = AccessRequest.objects.get(pk=number)
        refused = NotYours(there).refused
        refusals.record_refusal(refused=refused, actor=people.actor_of(person, Via.SLACK))
        raise AccessRequest.DoesNotExist
    ending.end(grant, person)
    return slack_cards.whisper(
        f"The access of request {number} is being ended. You are told when nothing of it is left."
    )


_WORDS: Mapping[str, Callable[[Person, str], Message]] = {"mine": _mine, "approvals": _approvals, "end": _end}
