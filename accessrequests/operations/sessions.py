"""Sessions and what proves who somebody is: signed in, refused, second factors, signed out everywhere, time zones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar
from zoneinfo import available_timezones

from allauth.mfa.models import Authenticator
from django.db import transaction

from accessrequests.domain.events import Actor, Event, Via
from accessrequests.models import AuditEvent, Person
from accessrequests.operations._record import Fact, record
from accessrequests.queries import clock, people
from accessrequests.queries.asks import Invalid

T = TypeVar("T")
_TOO_MANY_ONCE_IN = timedelta(minutes=5)  # as long as the limit lasts


@transaction.atomic(durable=True)
def note_sign_in(*, person: Person, ways: Sequence[str]) -> None:
    """Somebody has proved who they are, in these ways, and a session began."""
    facts = {"way": " and ".join(ways)}
    record(_fact(Event.PERSON_SIGNED_IN, person, facts), actor=people.actor_of(person, Via.WEB), at=clock.now())


@transaction.atomic(durable=True)
def note_too_many(*, username: str) -> None:
    """A name was tried too often. Kept once for as long as the limit lasts, and only of people who exist."""
    person = Person.objects.select_for_update(no_key=True).filter(username=username).first()
    if person is None:
        return
    at = clock.now()
    fact = _fact(Event.PERSON_SIGN_IN_REFUSED, person, {"why": "too many attempts did not succeed"})
    recent = AuditEvent.objects.filter(event=fact.event.value, subject=fact.subject, at__gt=at - _TOO_MANY_ONCE_IN)
    if not recent.exists():
        record(fact, actor=people.actor_of(person, Via.WEB), at=at)


@transaction.atomic(durable=True)
def change_second_factor(*, person: Person, event: Event, way: str, change: Callable[[], T]) -> T:
    """A second factor comes, goes, or gets new recovery codes, together with the fact; the factor itself is never named.

    `change` is what the library of sign-ins does: it asks whether the change may be, and makes it.
    """
    changed = change()
    record(_fact(event, person, {"way": way}), actor=people.actor_of(person, Via.WEB), at=clock.now())
    return changed


@transaction.atomic(durable=True)
def forget_second_factor(*, username: str, actor: Actor) -> bool:
    """An operator takes away the second factor of somebody who has lost it, and ends their sessions. Whether it was."""
    held = Person.objects.select_for_update(no_key=True).get(username=username)
    at = clock.now()
    gone, _ = Authenticator.objects.filter(user=held).delete()
    if gone:
        held.session_round += 1
        held.save(update_fields=["session_round"])
        record(_fact(Event.PERSON_SECOND_FACTOR_REMOVED, held, {"way": "the command line"}), actor=actor, at=at)
    return bool(gone)


@transaction.atomic(durable=True)
def end_sessions(*, person: Person) -> Person:
    """End every session of this person. The one that asks goes on, if it is told of the new round."""
    held = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    at = clock.now()
    held.session_round += 1
    held.save(update_fields=["session_round"])
    record(_fact(Event.PERSON_SESSIONS_ENDED, held, {}), actor=people.actor_of(held, Via.WEB), at=at)
    return held


@transaction.atomic(durable=True)
def set_time_zone(*, person: Person, time_zone: str) -> Person:
    """In which zone somebody reads moments. It gives nobody anything, so the audit trail does not keep it.

    :raises Invalid: when there is no such time zone.
    """
    if time_zone not in available_timezones():
        raise Invalid({"time_zone": ["Choose a time zone from the list, such as Europe/Berlin."]})
    held = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    held.time_zone = time_zone
    held.save(update_fields=["time_zone"])
    return held


def _fact(event: Event, person: Person, facts: dict[str, str]) -> Fact:
    return Fact(event, f"person/{person.username}", facts)
