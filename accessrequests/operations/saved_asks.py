"""Keeping one's own asks for the next time. It gives nobody anything, so the audit trail does not keep it."""

from __future__ import annotations

from django.db import transaction

from accessrequests.domain.plain_text import visible_length, why_unreadable
from accessrequests.domain.wording import one_line
from accessrequests.models import AccessRequest, Person, SavedAsk
from accessrequests.operations.refusals import Refused
from accessrequests.queries import clock
from accessrequests.queries.asks import Invalid

MOST = 20
LONGEST_NAME = 80


@transaction.atomic(durable=True)
def save(*, access_request_id: int, person: Person, name: str) -> SavedAsk:
    """Keep what the person asked for under a name; a name that is there already stands for the newer one.

    :raises Refused: when it is somebody else's, or no ask that could be sent again.
    :raises Invalid: when the name cannot be read, or there are too many.
    """
    access_request = AccessRequest.objects.get(pk=access_request_id)
    if access_request.requester_id != person.pk:
        raise Refused("Only the person who asked can keep a request as a template. Ask for the same, and keep that.")
    if access_request.is_break_glass or access_request.extends_id is not None:
        raise Refused("Only a request for access can be kept as a template.")
    said = one_line(name, LONGEST_NAME)
    if not visible_length(said) or why_unreadable(name):
        raise Invalid({"name": [why_unreadable(name) or "Give it a name."]})
    Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    others = SavedAsk.objects.filter(person=person).exclude(name=said)
    if others.count() >= MOST:
        raise Invalid({"name": [f"You keep {MOST} templates already. Remove one on the page Request access first."]})
    kept = {"access_request": access_request, "saved_at": clock.now()}
    saved, _ = SavedAsk.objects.update_or_create(person=person, name=said, defaults=kept)
    return saved


@transaction.atomic(durable=True)
def forget(*, saved_id: int, person: Person) -> None:
    """:raises SavedAsk.DoesNotExist: when it is not there, or not theirs."""
    SavedAsk.objects.get(pk=saved_id, person=person).delete()
