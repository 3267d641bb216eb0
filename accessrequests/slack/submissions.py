"""Forms that were sent: each calls the operation that the portal's form calls, and is told in the form what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from accessrequests.domain import slack_modals
from accessrequests.domain.events import Via
from accessrequests.domain.window import InvalidDuration, parse_duration
from accessrequests.models import Person
from accessrequests.operations import access_requests
from accessrequests.queries.asks import Invalid
from accessrequests.slack import caller
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

    def typed(self, name: str) -> str:
        return slack_modals.typed(self.arrival.part("view", "state", "values"), name)


def submitted(arrival: Arrival) -> dict[str, Any] | None:
    """Nothing closes the form; errors stand at their fields."""
    known = _FORMS.get(arrival.text("view", "callback_id"))
    if known is None:
        return None
    field, send = known
    number, _ = slack_modals.about(arrival.text("view", "private_metadata"))
    person = caller.person_of(arrival)
    if isinstance(person, Turned):
        caller.keep(arrival, person.sentence, access_request_id=number)
        return _errors({field: person.sentence})
    try:
        send(Sent(arrival, person))
    except Invalid as error:
        return _errors(
            {name if name in _FIELDS[field] else field: " ".join(said) for name, said in error.errors.items()}
        )
    except caller.EXPECTED as error:
        return _errors({field: caller.explain(error, person)})
    return None


def _errors(errors: Mapping[str, str]) -> dict[str, Any]:
    return {"response_action": "errors", "errors": {name: said[:_LONGEST_ERROR] for name, said in errors.items()}}


def _deny(sent: Sent) -> None:
    number, revision = sent.about
    access_requests.deny(
        access_request_id=number, approver=sent.person, via=Via.SLACK, revision=revision, reason=sent.typed("reason")
    )


def _shorter(sent: Sent) -> None:
    number, revision = sent.about
    try:
        duration = parse_duration(sent.typed("duration"))
    except InvalidDuration as error:
        raise Invalid({"duration": [str(error)]}) from error
    access_requests.approve(
        access_request_id=number,
        approver=sent.person,
        via=Via.SLACK,
        revision=revision,
        comment=sent.typed("comment"),
        duration=duration,
    )


# Each form with the field at which it is told what is about no field.
_FORMS: Mapping[str, tuple[str, Callable[[Sent], None]]] = {
    slack_modals.DENY: ("reason", _deny),
    slack_modals.SHORTER: ("duration", _shorter),
}
_FIELDS: Mapping[str, frozenset[str]] = {
    "reason": frozenset({"reason"}),
    "duration": frozenset({"duration", "comment"}),
}
