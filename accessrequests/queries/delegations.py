"""Voices that are lent, as the two whom each is between see them."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from accessrequests.models import Delegation, Person
from accessrequests.queries import people


def visible_to(person: Person) -> QuerySet[Delegation]:
    """Those that the person gave or was given; all of them for auditors and administrators."""
    found = Delegation.objects.select_related("giver", "stand_in")
    return found if people.may_audit(person) else found.filter(Q(giver=person) | Q(stand_in=person))


def own(person: Person) -> QuerySet[Delegation]:
    """What the person gave or was given, newest first."""
    found = Delegation.objects.filter(Q(giver=person) | Q(stand_in=person))
    return found.select_related("giver", "stand_in").order_by("-pk")
