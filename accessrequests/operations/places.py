"""Where grants are made, on a target whose record may come to lead to another project."""

from __future__ import annotations

from django.db import transaction

from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import GrantState
from accessrequests.models import Grant, Target
from accessrequests.operations._ending import locked
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.queries import clock

_MOVED = "{} leads to another project than before. What was made in the old one has to end before anything new is made."


class Moved(Exception):
    """What was made in another place is not over, and what grants share would be taken for one."""


@transaction.atomic(durable=True)
def settle(*, grant_id: int, place: str) -> None:
    """Remember where a grant is made, before the first call.

    :raises Moved: something of ours is still in another place.
    """
    grant = locked(grant_id)
    if grant.made_in == place:
        return
    Target.objects.select_for_update(no_key=True).get(pk=grant.target_id)
    others = Grant.objects.filter(target=grant.target_id).exclude(state=GrantState.REVOKED.value)
    if grant.made_in or others.exclude(made_in__in=["", place]).exists():
        raise Moved(_MOVED.format(grant.target.slug))
    grant.made_in = place
    grant.save(update_fields=["made_in"])


@transaction.atomic(durable=True)
def note(*, slug: str, place: str) -> bool:
    """Where the worker's record leads. True, and a fact, when that is another place than at the last look."""
    target = Target.objects.select_for_update(no_key=True).get(slug=slug)
    at = clock.now()
    was, target.place = target.place, place
    if was == place:
        return False
    target.save(update_fields=["place"])
    if not was:
        return False
    facts = {"was": was, "is": place, "why": f"from the project {was} to the project {place}"}
    record(Fact(Event.TARGET_MOVED, f"target/{slug}", facts), actor=CLOCKWORK, at=at)
    return True
