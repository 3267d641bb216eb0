"""Voices that are lent, as the two whom each is between see them."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from accessrequests.domain.answering import stand_ins_of
from accessrequests.models import Delegation, Person
from accessrequests.queries import broken, people
from accessrequests.queries.belonging import Belonging
from accessrequests.queries.rules import rules_of


def visible_to(person: Person) -> QuerySet[Delegation]:
    """Those that the person gave or was given; all of them for auditors and administrators."""
    found = Delegation.objects.select_related("giver", "stand_in")
    return found if people.may_audit(person) else found.filter(Q(giver=person) | Q(stand_in=person))


def may_be_asked(who: Belonging) -> bool:
    """Whether the policy in force asks a group of theirs about access: else there is nothing to answer in their place."""
    version = broken.newest_policy()
    rules = rules_of(version).rules if version is not None else ()
    asked = {step.group for rule in rules for step in rule.approvals}
    return bool(who.since.keys() & asked.union(*(stand_ins_of(rule.answering) for rule in rules)))


def own(person: Person) -> QuerySet[Delegation]:
    """What the person gave or was given, newest first."""
    found = Delegation.objects.filter(Q(giver=person) | Q(stand_in=person))
    return found.select_related("giver", "stand_in").order_by("-pk")
