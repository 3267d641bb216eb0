"""What a person chooses about how they are told."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from accessrequests.domain import channels
from accessrequests.domain.events import Event, Via
from accessrequests.models import Person
from accessrequests.operations._record import Fact, record
from accessrequests.queries import clock, people
from accessrequests.queries.asks import Invalid


@transaction.atomic(durable=True)
def choose_channels(*, person: Person, off: Collection[str]) -> Person:
    """From now on they are told of these not by these, such as own/mail. What is always on stays on.

    :raises Invalid: when it is none that there is, or when something that has to reach them would not.
    """
    if not channels.EVERYTHING.issuperset(off):
        raise Invalid({"told": ["Choose among the ways that are offered."]})
    errors = channels.why_not(off)
    if errors:
        raise Invalid(errors)
    held = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    at = clock.now()
    chosen = sorted(set(off) - channels.ALWAYS)
    if chosen == held.not_told_by:
        return held
    held.not_told_by = chosen
    held.save(update_fields=["not_told_by"])
    fact = Fact(Event.PERSON_CHANNELS_CHOSEN, f"person/{held.username}", {"off": chosen})
    record(fact, actor=people.actor_of(held, Via.WEB), at=at)
    return held
