"""Reviews of access as people read them: which there are, how far they have come, what waits for whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from accessrequests.domain.access_reviews import ReviewAnswer
from accessrequests.domain.offline_kits import KitState
from accessrequests.domain.outside import Kind
from accessrequests.models import Group, Inventory, OfflineKit, Other, Person, ReviewCampaign, ReviewItem
from accessrequests.queries import people
from accessrequests.queries.belonging import Belonging
from accessrequests.queries.holdings import ALIVE

# What is over by itself needs no answer any more; a login that others made is never over by itself.
OVER = Q(answer="", grant__isnull=False) & ~Q(grant__state__in=ALIVE)
OPEN = Q(answer="") & (Q(grant=None) | Q(grant__state__in=ALIVE))
WAYS: Mapping[str, Q] = {
    "open": OPEN,
    **{answer.value: Q(answer=answer.value) for answer in ReviewAnswer},
    "over": OVER,
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of the items are what."""

    total: int
    open: int
    keep: int
    end: int
    reduce: int
    over: int

    @property
    def settled(self) -> int:
        return self.total - self.open

    @property
    def percent(self) -> int:
        return 100 * self.settled // self.total if self.total else 100


_COUNTS = {"total": Count("pk"), **{name: Count("pk", filter=way) for name, way in WAYS.items()}}


def visible_to(belonging: Belonging) -> QuerySet[ReviewCampaign]:
    """All of them for auditors and administrators; else those in which one reviews something. Newest first."""
    found = ReviewCampaign.objects.select_related("started_by", "signed_off_by", "cancelled_by").order_by("-pk")
    if belonging.sees_all:
        return found
    return found.filter(Exists(items_for(belonging).filter(campaign=OuterRef("pk"))))


def items_for(belonging: Belonging) -> QuerySet[ReviewItem]:
    """What this person may see of any campaign."""
    found = ReviewItem.objects.select_related("target", "grant", "answered_by")
    if belonging.sees_all:
        return found
    return found.filter(Q(reviewers__overlap=sorted(belonging.since)) | Q(answered_by=belonging.person))


def narrowed(
    items: QuerySet[ReviewItem], *, answer: str = "", target: str = "", group: str = ""
) -> QuerySet[ReviewItem]:
    """An answer that is none narrows to nothing."""
    found = items.filter(WAYS.get(answer, Q(pk__in=[]))) if answer else items
    found = found.filter(target__slug=target) if target else found
    return found.filter(reviewers__contains=[group]) if group else found


def progress(items: QuerySet[ReviewItem]) -> Progress:
    return Progress(**items.order_by().aggregate(**_COUNTS))


def progress_of(campaigns: Iterable[int], items: QuerySet[ReviewItem]) -> dict[int, Progress]:
    """Of each campaign, in one question."""
    counted = items.filter(campaign__in=list(campaigns)).order_by().values("campaign").annotate(**_COUNTS)
    return {campaign: Progress(*counts) for campaign, *counts in counted.values_list("campaign", *_COUNTS)}


def places_and_groups(items: QuerySet[ReviewItem]) -> tuple[list[str], list[str]]:
    """The targets that are in it, and the groups that review something of it."""
    found = list(items.order_by().values_list("target__slug", "reviewers").distinct())
    return sorted({slug for slug, _ in found}), sorted({group for _, named in found for group in named})


def why_not_answer(item: ReviewItem, belonging: Belonging) -> str:
    """Why this person does not answer it; empty when they may. Administrators stand in for any group."""
    if belonging.person.username in item.gains:
        return "Nobody reviews access that they gain by. Somebody else has to answer."
    if belonging.administers or belonging.since.keys() & set(item.reviewers):
        return ""
    return f"It is reviewed by {' or '.join(item.reviewers)}, and you are not one of them."


def is_over(item: ReviewItem) -> bool:
    """Whether the access ended before anybody answered."""
    return not item.answer and item.grant is not None and item.grant.state not in ALIVE


def still_there(items: Iterable[ReviewItem]) -> set[int]:
    """Those of them that are not of a grant, and stand on their targets as these were last read."""
    logins = [item for item in items if item.grant_id is None]
    targets = {item.target_id for item in logins}
    found = set(
        Other.objects.filter(
            target__in=targets, kind__in=[Kind.USER.value, Kind.MEMBER.value], name__in={item.name for item in logins}
        ).values_list("target_id", "name")
    )
    kits = OfflineKit.objects.filter(target__in=targets).exclude(state=KitState.ENDED.value)
    found |= set(kits.values_list("target_id", "username"))
    users = dict(Inventory.objects.filter(target__in=targets).values_list("target_id", "users")) if logins else {}
    return {
        item.pk for item in logins if (item.target_id, item.name) in found or item.name in users.get(item.target_id, {})
    }


def waiting_for(campaign: ReviewCampaign) -> dict[Person, int]:
    """Who can answer how much of what is open. Administrators where nobody else can."""
    counted: dict[Person, int] = {}
    open_items = list(ReviewItem.objects.filter(OPEN, campaign=campaign).values_list("reviewers", "gains"))
    members = members_of({group for named, _ in open_items for group in named})
    administrators = list(people.administrators())
    for named, gains in open_items:
        able = {one for group in named for one in members.get(group, ()) if one.username not in gains}
        for person in able or {one for one in administrators if one.username not in gains}:
            counted[person] = counted.get(person, 0) + 1
    return counted


def members_of(named: Iterable[str]) -> dict[str, list[Person]]:
    """The active people of each group; one question for all of them."""
    current = people.memberships_of_people().filter(group__name__in=list(named))
    found: dict[str, list[Person]] = {}
    for one in current.select_related("person", "group").order_by("person__username"):
        found.setdefault(one.group.name, []).append(one.person)
    return found


def known_groups() -> list[str]:
    return list(Group.objects.order_by("name").values_list("name", flat=True))
