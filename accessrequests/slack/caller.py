"""Who presses, and how they are told why a press did nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.urls import reverse
from django.utils.http import urlencode

from accessrequests.domain import slack_cards
from accessrequests.domain.events import Actor, Event, Via
from accessrequests.models import AccessRequest, Person, SlackIdentity
from accessrequests.models.slack import SlackKind
from accessrequests.operations import calls, refusals, slack_identities, slack_messages
from accessrequests.operations.quarantined import Quarantined
from accessrequests.operations.refusals import Refused
from accessrequests.queries import clock, people, slack
from accessrequests.queries.asks import Invalid, NotReadYet
from accessrequests.slack.arrival import Arrival

EXPECTED = (
    refusals.Refused,
    refusals.IllegalMove,
    refusals.StaleRevision,
    refusals.NotReady,
    refusals.Gone,
    Quarantined,
    Invalid,
    NotReadYet,
    ObjectDoesNotExist,
)
MINUTE = timedelta(minutes=1)
MOST_TOLD = 3
_STRANGER = "You are here from another workspace. Nothing here is yours to decide, and nothing was changed."
_UNLINKED = (
    "Your Slack account is linked to nobody in Access Requests, so nothing was changed. Link it once, then try again."
)
_OFF = "Your account in Access Requests is off, so nothing was changed. Ask your administrators."
_TOO_OFTEN = "That was too often within one second, so nothing was changed. Wait a moment, then try again."
_NOT_THERE = "There is nothing here, or it is not yours to see. Nothing was changed."


@dataclass(frozen=True, slots=True)
class Turned:
    """Why somebody may do nothing here, and the one way on: to link an account, for members of the workspace alone."""

    sentence: str
    label: str = ""
    url: str = ""


def person_of(arrival: Arrival) -> Person | Turned:
    """By the link that the person made, and by nothing that the account says of itself. It counts like any press."""
    if arrival.is_of_a_stranger:
        return Turned(_STRANGER)
    held = _identity(arrival)
    if held is None:
        query = urlencode({"t": slack_identities.address_for(account=arrival.account)})
        return Turned(_UNLINKED, "Link your account", f"{settings.ACCESS_BASE_URL}{reverse('slack-link')}?{query}")
    if not held.person.is_active:
        return Turned(_OFF)
    return held.person if calls.may_call(person=held.person) else Turned(_TOO_OFTEN)


def _identity(arrival: Arrival) -> SlackIdentity | None:
    account = arrival.account
    return slack.identity(
        enterprise_id=account.enterprise_id, team_id=account.team_id, slack_user_id=account.slack_user_id
    )


def actor_of(arrival: Arrival) -> Actor:
    """Whom the audit trail names: the person, or the account where it is nobody's."""
    held = None if arrival.is_of_a_stranger else _identity(arrival)
    if held is not None:
        return people.actor_of(held.person, Via.SLACK)
    return Actor(f"slack:{arrival.account.slack_user_id}"[:64], Via.SLACK)


def keep(arrival: Arrival, sentence: str, *, access_request_id: int) -> None:
    """Record what was refused, if there is such a request."""
    if AccessRequest.objects.filter(pk=access_request_id).exists():
        subject = f"access_request/{access_request_id}"
        refused = Refused(sentence, event=Event.ACCESS_REQUEST_REFUSED, subject=subject)
        refusals.record_refusal(refused=refused, actor=actor_of(arrival))


def keep_some(arrival: Arrival, sentence: str, *, access_request_id: int) -> None:
    """The same a few times a minute for each who does it: what is answered in a form leaves no message to count."""
    if slack.refused_to(actor_of(arrival).name, since=clock.now() - MINUTE) < MOST_TOLD:
        keep(arrival, sentence, access_request_id=access_request_id)


def explain(error: Exception, person: Person) -> str:
    """In words, and kept if it is worth keeping. Whom we take the presser for is part of it."""
    if isinstance(error, refusals.Refused):
        refusals.record_refusal(refused=error, actor=people.actor_of(person, Via.SLACK))
    if isinstance(error, ObjectDoesNotExist):
        return _NOT_THERE
    return f"{_by_name(error)} You act here as {person.name} ({person.username})."


def _by_name(error: Exception) -> str:
    """Who was faster stands by their name, as on the cards."""
    said = str(error)
    if isinstance(error, refusals.IllegalMove) and error.person and said.startswith(f"{error.person} "):
        return f"{people.called([error.person])[error.person]}{said.removeprefix(error.person)}"
    return said


def tell(
    arrival: Arrival, turned: Turned, *, access_request_id: int | None = None, thread_id: int | None = None
) -> None:
    """In a message that nobody else sees. It is sent by a worker: Slack may be slow, and the press is answered now."""
    places = (("container", "channel_id"), ("channel", "id"), ("channel_id",))
    channel = next(filter(None, (arrival.text(*one) for one in places)), arrival.account.slack_user_id)
    said = slack_messages.Once(
        kind=SlackKind.WHISPER,
        channel=channel[:32],
        message=slack_cards.whisper(turned.sentence, label=turned.label, url=turned.url),
        slack_user_id=arrival.account.slack_user_id[:32],
        is_for_members=bool(turned.url),
    )
    slack_messages.say(said=said, access_request_id=access_request_id, thread_id=thread_id)


def may_be_told(arrival: Arrival) -> bool:
    """A few times a minute: anybody in the workspace can press and write, as often as they like."""
    return slack.whispers_to(arrival.account.slack_user_id[:32], since=clock.now() - MINUTE) < MOST_TOLD


def turn_away(arrival: Arrival, turned: Turned, *, access_request_id: int = 0, thread_id: int | None = None) -> None:
    """Say so and keep it, as often as they may be told."""
    if may_be_told(arrival):
        keep(arrival, turned.sentence, access_request_id=access_request_id)
        tell(arrival, turned, access_request_id=access_request_id or None, thread_id=thread_id)


def refused(sentence: str, number: int) -> Refused:
    """What an operation would have raised."""
    return Refused(sentence, event=Event.ACCESS_REQUEST_REFUSED, subject=f"access_request/{number}")
