"""Forms that were sent: each calls the operation that the portal's form calls, and is told in the form what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings

from accessrequests.domain import slack_modals
from accessrequests.domain.block_kit import Block, to_the_minute
from accessrequests.domain.events import Via
from accessrequests.domain.slack_modals import Terms
from accessrequests.domain.window import InvalidDuration, parse_duration
from accessrequests.models import Grant, Person
from accessrequests.operations import access_requests, extensions
from accessrequests.operations.refusals import Refused
from accessrequests.queries.asks import Invalid
from accessrequests.slack import asking, caller, ending
from accessrequests.slack.arrival import Arrival
from accessrequests.slack.caller import Turned

_LONGEST_ERROR = 300


@dataclass(frozen=True, slots=True)
class Sent:
    """One form, sent by somebody whom we know."""

    arrival: Arrival
    person: Person

    @property
    def about(self) -> tuple[int, int]:
        return slack_modals.about(self.arrival.text("view", "private_metadata"))

    @property
    def terms(self) -> Terms:
        return slack_modals.terms_of(self.arrival.text("view", "private_metadata"))

    @property
    def values(self) -> object:
        return self.arrival.part("view", "state", "values")

    @property
    def duration(self) -> timedelta:
        """:raises Invalid: when none was chosen."""
        try:
            return parse_duration(self.typed("duration"))
        except InvalidDuration as error:
            raise Invalid({"duration": [str(error)]}) from error

    def typed(self, name: str) -> str:
        return slack_modals.typed(self.values, name)


def submitted(arrival: Arrival) -> dict[str, Any] | None:
    """Nothing closes the form; errors stand at their fields; the next form lies on it, so that there is a way back to
    what was typed, or tells in its place what came of it.
    """
    form = arrival.text("view", "callback_id")
    known = _FORMS.get(form)
    if known is None:
        return None
    field, send = known
    number, _ = slack_modals.about(arrival.text("view", "private_metadata"))
    person = caller.person_of(arrival)
    if isinstance(person, Turned):
        caller.keep_some(arrival, person.sentence, access_request_id=number)
        return _errors({field: person.sentence}) if field else _instead(person.sentence, form, number)
    try:
        following = send(Sent(arrival, person))
    except caller.EXPECTED as error:
        return _refused(error, Sent(arrival, person), field, form)
    if following is None:
        return None
    return {"response_action": "push" if field else "update", "view": following}


def _refused(error: Exception, sent: Sent, field: str, form: str) -> dict[str, Any]:
    """At the fields that it is about. Some forms have none, so that another takes their place."""
    if not field:
        return _instead(caller.explain(error, sent.person), form, sent.about[0])
    if not isinstance(error, Invalid):
        about = error.about if isinstance(error, Refused) and error.about in _FIELDS[form] else field
        return _errors({about: caller.explain(error, sent.person)})
    told: dict[str, str] = {}
    for name, said in error.errors.items():
        place = name if name in _FIELDS[form] else field
        told[place] = " ".join([*filter(None, [told.get(place, "")]), *said])
    return _errors(told)


def _instead(sentence: str, form: str, number: int) -> dict[str, Any]:
    if form == slack_modals.END:
        view = slack_modals.ended(sentence, url=f"{settings.ACCESS_BASE_URL}/requests/{number}/")
    else:
        view = slack_modals.not_asked(f"{sentence} Nothing was asked for.")
    return {"response_action": "update", "view": view}


def _errors(errors: Mapping[str, str]) -> dict[str, Any]:
    told = {name: to_the_minute(said)[:_LONGEST_ERROR] for name, said in errors.items()}
    return {"response_action": "errors", "errors": told}


def _deny(sent: Sent) -> None:
    number, revision = sent.about
    access_requests.deny(
        access_request_id=number, approver=sent.person, via=Via.SLACK, revision=revision, reason=sent.typed("reason")
    )


def _target(sent: Sent) -> Block:
    return asking.take_target(sent.person, sent.values)


def _terms(sent: Sent) -> Block:
    return asking.take_terms(sent.person, sent.terms, sent.values)


def _send(sent: Sent) -> Block:
    return asking.send(sent.person, sent.terms, view_id=sent.arrival.text("view", "id"))


def _shorter(sent: Sent) -> None:
    number, revision = sent.about
    access_requests.approve(
        access_request_id=number,
        approver=sent.person,
        via=Via.SLACK,
        revision=revision,
        comment=sent.typed("comment"),
        duration=sent.duration,
    )


def _extend(sent: Sent) -> None:
    grant = Grant.objects.get(access_request=sent.about[0])
    reason = sent.typed("reason")
    extensions.ask(grant_id=grant.pk, holder=sent.person, via=Via.SLACK, duration=sent.duration, reason=reason)


def _end(sent: Sent) -> Block:
    return ending.answer(sent.person, sent.about[0])


# Each form with the field at which it is told what is about no field.
_FORMS: Mapping[str, tuple[str, Callable[[Sent], Block | None]]] = {
    slack_modals.DENY: ("reason", _deny),
    slack_modals.SHORTER: ("duration", _shorter),
    slack_modals.EXTEND: ("duration", _extend),
    slack_modals.END: ("", _end),
    slack_modals.ASK_TARGET: ("target", _target),
    slack_modals.ASK_TERMS: ("roles", _terms),
    slack_modals.ASK_SEND: ("", _send),
}
_FIELDS: Mapping[str, frozenset[str]] = {
    slack_modals.DENY: frozenset({"reason"}),
    slack_modals.SHORTER: frozenset({"duration", "comment"}),
    slack_modals.EXTEND: frozenset({"duration", "reason"}),
    **asking.FIELDS,
}
