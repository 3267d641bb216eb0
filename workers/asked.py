"""Whom a request asks, and what else each of them is asked about with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.models import AccessRequest, Person
from accessrequests.queries import access_requests, people


def beneficiaries_of(access_request: AccessRequest) -> set[Person]:
    """A service identity reads no mail: its owner does."""
    return {access_request.requester, access_request.beneficiary.owner or access_request.beneficiary}


def approvers_of(access_request: AccessRequest, *, asks: bool) -> set[Person]:
    """Who may decide on it, by themselves or for somebody; where it `asks` for an answer, who has not given theirs."""
    gaining = beneficiaries_of(access_request)
    without = [*(person.pk for person in gaining), *people.ids_of(access_request.owners)]
    if asks:
        answered = access_request.approvals.filter(revision=access_request.revision)
        without += [pk for pair in answered.values_list("person_id", "on_behalf_of_id") for pk in pair if pk]
    approvers = {
        person
        for group in (access_request.wanted_groups if asks else access_request.step_groups)
        for person in people.deciders(group, since=access_request.filed_at, without=without)
    }
    return approvers | set(people.stand_ins_of(approvers, without=without))


def in_one_mail(
    access_request: AccessRequest, asked: Iterable[Person]
) -> list[tuple[Sequence[AccessRequest], set[Person]]]:
    """Those who are told now, with what else they are asked: of several that were asked together each is told once, at
    the first that asks them.
    """
    if access_request.bundle is None:
        return [((), set(asked))]
    together = access_requests.as_shown().filter(bundle=access_request.bundle, state=AccessRequestState.PENDING.value)
    others = [(one, approvers_of(one, asks=True)) for one in together.exclude(pk=access_request.pk).order_by("pk")]
    told_before = {person for one, those in others if one.pk < access_request.pk for person in those}
    told: dict[tuple[AccessRequest, ...], set[Person]] = defaultdict(set)
    for person in set(asked) - told_before:
        told[tuple(one for one, those in others if person in those)].add(person)
    return list(told.items())
