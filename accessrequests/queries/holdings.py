"""What a person holds on a target already, what they have asked for, and what would be said to it today."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from accessrequests.domain import policy, privileges
from accessrequests.domain.lifecycle import GrantState
from accessrequests.domain.privileges import Privilege
from accessrequests.models import AccessRequest, Approval, Grant, Person, Target
from accessrequests.models.access_requests import Answer
from accessrequests.queries import access_requests, asks, limits

ALIVE = (GrantState.PENDING.value, GrantState.ACTIVE.value)


def grants_of(person: Person) -> QuerySet[Grant]:
    """The person's own grants and those of their services."""
    return Grant.objects.filter(holder__in=[person.pk, *person.service_ids])


def grants_held(person: Person) -> QuerySet[Grant]:
    """The same, with what Slack shows of them."""
    return grants_of(person).select_related(
        "target", "holder", "credential", "access_request__target", "access_request__requester"
    )


def held(
    person: Person,
    target: Target,
    *,
    without: AccessRequest | None = None,
    seen_by: Person | None = None,
    principal: str = "",
) -> tuple[Privilege, ...]:
    """What the person's live grants on the target come to, but for the grant of one request.

    `principal`: of those that add roles to this login; of those that make a user when it is empty. `seen_by` somebody else: only by those that the other one may see anyway.
    """
    here = Grant.objects.filter(holder=person, target=target, state__in=ALIVE, access_request__principal=principal)
    grants = here.select_related("access_request")
    if seen_by is not None and seen_by != person:
        grants = grants.filter(access_request__in=access_requests.visible_to(seen_by).values("pk"))
    others = [grant.access_request for grant in grants if without is None or grant.access_request_id != without.pk]
    return privileges.union(*(asked_for(one) for one in others))


def asked_for(access_request: AccessRequest) -> tuple[Privilege, ...]:
    """Everything that a request asks for, as it was when it was filed."""
    return privileges.union(*(privileges.from_json(stored) for stored in access_request.privileges.values()))


def given(access_request: AccessRequest) -> list[policy.Given]:
    """The approvals of the current revision, of a request that was read with them."""
    return _given(access_request.approvals.all(), access_request.revision)


def given_now(access_request: AccessRequest) -> list[policy.Given]:
    """The same, read anew."""
    yes = Approval.objects.filter(access_request=access_request, revision=access_request.revision)
    found = yes.filter(answer=Answer.APPROVE.value).order_by("pk")
    names = found.values_list("person__username", "groups", "on_behalf_of__username")
    return [policy.Given(person, frozenset(groups), giver or "") for person, groups, giver in names]


def _given(answers: Iterable[Approval], revision: int) -> list[policy.Given]:
    return [
        policy.Given(one.person.username, frozenset(one.groups), one.on_behalf_of.username if one.on_behalf_of else "")
        for one in answers
        if one.answer == Answer.APPROVE.value and one.revision == revision
    ]


def judged_today(access_request: AccessRequest) -> policy.Verdict | str:
    """The verdict that an approval would meet now, or the sentence that stands in its way (denying stays possible)."""
    try:
        verdict = asks.judge_again(access_request)
    except (asks.Invalid, asks.NotReadYet) as error:
        return str(error)
    if not verdict.allowed:
        return verdict.refusals[0].sentence
    obstacle = limits.why_not_now(access_request)
    return obstacle.sentence if obstacle is not None else verdict
