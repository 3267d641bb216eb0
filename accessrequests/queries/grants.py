"""Grants as people and workers read them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Q, QuerySet
from django.db.models.functions import Now

from accessrequests.domain import policy
from accessrequests.domain.lifecycle import EndReason, GrantState
from accessrequests.domain.situation import Tally
from accessrequests.models import AccessRequest, Grant, Inventory, Membership, Person, PolicyVersion, Target
from accessrequests.queries import access_requests, asks, holdings, people
from accessrequests.queries.belonging import belonging_of

TOO_LATE = "The access was not ready in time."
JUST_JUDGED = timedelta(seconds=10)
CUT_BOUND = timedelta(seconds=5)  # a cut that takes longer than this is shown as overdue
# One for each number of a `Tally`. What is to start later is not being set up yet.
COUNTS = {
    "live": Count("pk", Q(state=GrantState.ACTIVE.value)),
    "setting_up": Count("pk", Q(state=GrantState.PENDING.value, not_before__lte=Now())),
    "ending": Count("pk", Q(state=GrantState.REVOKING.value)),
    "scheduled": Count("pk", Q(state=GrantState.PENDING.value, not_before__gt=Now())),
}


@dataclass(frozen=True, slots=True)
class NotOpened:
    """Why a grant may not be opened (any more)."""

    reason: EndReason
    sentence: str


def why_not_begin(grant: Grant, *, at: datetime) -> NotOpened | None:
    """Whether an attempt is worth its first call. What was approved a moment ago was judged a moment ago, and is again
    before it is given any power: where nothing has changed since, once more would only take time.
    """
    was_just_judged = grant.opened_at is None and at < grant.created_at + JUST_JUDGED
    if was_just_judged and not _is_judged_by_something_newer(grant):
        return _why_not_by_itself(grant, at)
    return why_not_open(grant, at=at)


def _is_judged_by_something_newer(grant: Grant) -> bool:
    """Whether the policy, what the target has, or where its people belong was written since the grant was born."""
    since, asked = grant.created_at, grant.access_request
    belong = Membership.objects.filter(person__in=[asked.requester_id, asked.beneficiary_id])
    newer = (
        Q(Exists(PolicyVersion.objects.filter(published_at__gte=since)))
        | Q(Exists(Inventory.objects.filter(target=grant.target_id, read_at__gte=since)))
        | Q(Exists(belong.filter(Q(since__gte=since) | Q(ended_at__gte=since))))
    )
    return Target.objects.filter(newer, pk=grant.target_id).exists()


def why_not_open(grant: Grant, *, at: datetime) -> NotOpened | None:
    """Whether the approved access may still come to exist: people, clock, policy and approvals, as of now."""
    obstacle = _why_not_by_itself(grant, at)
    if obstacle is not None:
        return obstacle
    try:
        why = _why_not_approved(grant.access_request)
    except (asks.Invalid, asks.NotReadYet) as error:
        return NotOpened(EndReason.PROVISIONING_FAILED, str(error))
    return NotOpened(EndReason.ELIGIBILITY_LOST, why) if why else None


def _why_not_by_itself(grant: Grant, at: datetime) -> NotOpened | None:
    """What its own row, its people and its target say."""
    if not (_may_act(grant.holder) and grant.access_request.requester.is_active):
        return NotOpened(EndReason.PERSON_DISABLED, "The person may no longer sign in.")
    if at >= latest_start(grant):
        return NotOpened(EndReason.PROVISIONING_FAILED, TOO_LATE)
    if grant.target.retired_at is not None:
        return NotOpened(EndReason.TARGET_RETIRED, f"{grant.target.slug} has been retired.")
    return None


def why_not_given(access_request: AccessRequest) -> str:
    """Why what was approved may not be given any more, as of now; empty when it may."""
    if not (access_request.requester.is_active and _may_act(access_request.beneficiary)):
        return "The person may no longer sign in."
    try:
        return _why_not_approved(access_request)
    except (asks.Invalid, asks.NotReadYet) as error:
        return str(error)


def _may_act(person: Person) -> bool:
    """A service does nothing while its owner is off."""
    return person.is_active and (person.owner is None or person.owner.is_active)


def _why_not_approved(access_request: AccessRequest) -> str:
    """By the verdict of today and the approvals that were given."""
    verdict = asks.judge_again(access_request)
    if not verdict.allowed:
        return verdict.refusals[0].sentence
    given = holdings.given_now(access_request)
    if not policy.is_complete(verdict.steps, given):
        wanted = " and ".join(f"{step.needed} of {step.group}" for step in policy.open_steps(verdict.steps, given))
        return f"The policy of today also asks for {wanted}. Ask again."
    return ""


def latest_start(grant: Grant) -> datetime:
    """When a pending grant gives up: at the end of its activation window, or of its time box if that comes first."""
    return min(grant.activate_by, grant.expires_at or grant.activate_by)


def safe_look(grant: Grant, *, longest_call: timedelta) -> datetime:
    """From when on a clean look proves the end: at once, unless an attempt has no recorded end."""
    started = grant.revocation_started_at or grant.created_at
    ended = grant.attempt_ended_at or not grant.provisioning_attempt
    return max(started if ended else started + longest_call, grant.stray_calls_until or started)


def visible_to(person: Person) -> QuerySet[Grant]:
    """The holder's own, and those of the requests that the person may see."""
    if people.may_audit(person):
        return as_shown()
    requests = access_requests.visible_to(person).values("pk")
    return as_shown().filter(Q(holder__in=[person.pk, *person.service_ids]) | Q(access_request__in=requests))


def ways_to_see(person: Person) -> list[QuerySet[Grant]]:
    """The same, a way each, for pages of a long list."""
    who = belonging_of(person)
    if who.sees_all:
        return [Grant.objects.all()]
    # Named one by one, because they are few: the planner would walk all grants to find them.
    for_others = list(access_requests.asked_for_others(person).values_list("pk", flat=True))
    voiced = [Grant.objects.filter(access_request__in=way.values("pk")) for way in access_requests.voiced_ways(who)]
    own = Grant.objects.filter(holder__in=[person.pk, *person.service_ids])
    return [own, Grant.objects.filter(access_request__in=for_others), *voiced]


def as_shown() -> QuerySet[Grant]:
    """Grants with all that is shown of them."""
    return Grant.objects.select_related("target", "holder", "credential", "usage", "access_request").prefetch_related(
        "gates"
    )


def is_overdue(grant: Grant, *, at: datetime) -> bool:
    """Whether the access may still work although it should have ended."""
    if grant.cut_at is not None:
        return False
    if grant.state == GrantState.REVOKING and grant.revocation_started_at is not None:
        return at > grant.revocation_started_at + CUT_BOUND
    return grant.expires_at is not None and at > grant.expires_at + CUT_BOUND


def tally(holder: Person) -> Tally:
    """What the person holds, counted by what it is now."""
    own = Grant.objects.filter(holder__in=[holder.pk, *holder.service_ids])
    return Tally(**own.exclude(state=GrantState.REVOKED.value).aggregate(**COUNTS))


def of_target(slug: str) -> QuerySet[Grant]:
    """Every grant of a target that has not been confirmed gone."""
    alive = Grant.objects.filter(target__slug=slug).exclude(state=GrantState.REVOKED)
    return alive.select_related("target", "holder", "access_request")


def usernames_ended(slug: str, usernames: Iterable[str]) -> set[str]:
    """Those of `usernames` that a grant of the target had, which has been confirmed gone."""
    ended = Grant.objects.filter(target__slug=slug, username__in=list(usernames), state=GrantState.REVOKED)
    return set(ended.values_list("username", flat=True))


def has_let_in(slug: str, block: str) -> bool:
    """Whether a grant of the target ever was to let this address in, as far as anything was tried for it."""
    tried = Grant.objects.filter(target__slug=slug, provisioning_attempt__gt=0)
    single = block.removesuffix("/32").removesuffix("/128")
    named = Q(access_request__source_addresses__contains=[block])
    return tried.filter(named | Q(access_request__source_addresses__contains=[single])).exists()


def is_ending(grant_id: int) -> bool:
    """Whether the grant ends or has ended, as committed now."""
    return Grant.objects.filter(pk=grant_id, state__in=[GrantState.REVOKING, GrantState.REVOKED]).exists()


def with_everything(grant_id: int) -> Grant:
    """A grant with what a worker needs of it.

    :raises Grant.DoesNotExist: when it is not there.
    """
    found = all_with_everything([grant_id])
    if grant_id not in found:
        raise Grant.DoesNotExist
    return found[grant_id]


def all_with_everything(grant_ids: Iterable[int]) -> dict[int, Grant]:
    """Several at once, in one question."""
    found = Grant.objects.select_related("target", "holder", "access_request").in_bulk(grant_ids)
    _know_targets(found.values())
    return found


def to_compare(slug: str, *, made_in: str, after: int, most: int) -> list[Grant]:
    """Live grants of a target and of no other place, in their order, with what a worker needs of them in few questions."""
    alive = of_target(slug).filter(state=GrantState.ACTIVE, made_in__in=["", made_in], pk__gt=after)
    found = list(alive.prefetch_related("extensions").order_by("pk")[:most])
    _know_targets(found)
    return found


def _know_targets(grants: Iterable[Grant]) -> None:
    for grant in grants:
        grant.access_request.target = grant.target


def to_cut_with(grant: Grant, *, most: int) -> list[int]:
    """Others of its kind that are to be cut on its target, those that wait longest first."""
    waiting = Grant.objects.filter(state=GrantState.REVOKING.value, cut_at=None, target=grant.target_id)
    same = waiting.filter(access_request__kind=grant.access_request.kind, provisioning_attempt__gt=0)
    longest = same.exclude(pk=grant.pk).order_by("revocation_started_at", "pk")
    return list(longest.values_list("pk", flat=True)[:most])


def is_warned(grant: Grant) -> bool:
    """Whether its holder is to know that its end, as it now is, comes near."""
    return grant.state == GrantState.ACTIVE and grant.warned_at is not None


def is_pending(grant_id: int) -> bool:
    """Whether the grant still waits to be made."""
    return Grant.objects.filter(pk=grant_id, state=GrantState.PENDING).exists()


def was_active(slug: str, username: str) -> bool:
    """Whether a grant of the target had this user, and the target once confirmed it."""
    return Grant.objects.filter(target__slug=slug, username=username, activated_at__isnull=False).exists()
