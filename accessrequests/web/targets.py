"""Targets: where access can be given, how they are, and what one may ask for there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from accessrequests.domain import sentences
from accessrequests.domain.actions import SERVER_DATABASES
from accessrequests.domain.events import Event
from accessrequests.domain.kinds import KINDS
from accessrequests.domain.privileges import Level
from accessrequests.domain.situation import Tally
from accessrequests.models import Inventory, PolicyVersion, Target
from accessrequests.models.people import GroupRole
from accessrequests.queries import catalogue, clock, outside, room, standing, targets
from accessrequests.queries.asks import NotReadYet
from accessrequests.queries.custom_roles import has_custom_roles
from accessrequests.queries.targets import Said
from accessrequests.web import shown
from accessrequests.web.ask_kinds import offered_words
from accessrequests.web.pages import me, portal_page, show
from accessrequests.web.whoami import belonging

PAGE = 25
SKEW = 2.0
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_THOUSAND = 1000


@dataclass(frozen=True, slots=True)
class Card:
    """A target in the list."""

    target: Target
    environment: shown.Tag
    health: shown.Tag
    databases: int
    collections: int
    roles: int
    tally: Tally
    says: Sequence[Said]
    inventory_is_read: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """How much of one thing a target holds."""

    name: str
    limit: int
    taken: int
    tone: str
    words: str
    more: str


@portal_page("GET")
def targets_page(request: HttpRequest) -> HttpResponse:
    page = Paginator(targets.by_slug(), PAGE).get_page(request.GET.get("page"))
    listed = list(page)
    tallies, version = targets.tallies(listed), _newest_policy()
    groups = frozenset(belonging(request).since)
    cards = [
        _card(target, tallies.get(target.pk, Tally()), targets.what_it_says(version, target, me(request), groups))
        for target in listed
    ]
    context = {"cards": cards, "page": page, "has_policy": version is not None, "watches": belonging(request).sees_all}
    return show(request, "targets/targets.html", context)


@portal_page("GET")
def target_page(request: HttpRequest, slug: str) -> HttpResponse:
    person, mine, at = me(request), belonging(request), clock.now()
    target = get_object_or_404(targets.by_slug(), slug=slug)
    grants = targets.live_on(target, person, sees_all=mine.sees_all)
    roles = _roles(target)
    context = {
        "card": _card(
            target,
            targets.tallies([target]).get(target.pk, Tally()),
            targets.what_it_says(_newest_policy(), target, person, frozenset(mine.since)),
        ),
        "target": target,
        "offered": offered_words(target),
        "databases": [
            (one.name, [(name, _count(documents), _size(size)) for name, documents, size in one.collections])
            for one in targets.databases_of(target)
        ],
        "roles": [role for role in roles if role.level != Level.DELEGATING],
        "never_given": [role for role in roles if role.level == Level.DELEGATING],
        "grants": [
            (
                grant,
                shown.deed_of(grant.access_request),
                shown.grant_tag(grant, at=at),
                standing.sentence_of(grant, at=at),
            )
            for grant in grants
        ],
        "most": targets.MOST_SHOWN,
        "clusters": sorted(getattr(target, "inventory", Inventory()).clusters.items()),
        "bars": _bars(target),
        "warnings": target.warnings if mine.sees_all and target.retired_at is None else [],
        "has_custom_roles": has_custom_roles(target),
        "outside": outside.summary_of(target) if mine.sees_all else None,
        "tells_changes": KINDS[target.kind].tells_changes if target.kind in KINDS else False,
        "may_look": GroupRole.ADMINISTRATOR in mine.roles and target.retired_at is None,
        "trouble": [
            (event, sentences.timeline(Event(event.event), actor=event.actor, facts=event.facts))
            for event in (targets.trouble_of(target) if mine.sees_all else [])
        ],
    }
    return show(request, "targets/target.html", context)


def _bars(target: Target) -> list[Bar]:
    return [
        Bar(
            name=room.NAMES[quota.name],
            limit=quota.limit,
            taken=min(quota.taken, quota.limit),
            tone="out" if not quota.free else "low" if quota.free <= quota.reserve else "",
            words=f"{quota.used} of {quota.limit} are used.",
            more=_more(quota),
        )
        for quota in room.quotas_of(target)
    ]


def _more(quota: room.Quota) -> str:
    promised = f"{_are(quota.promised, 'more ')} promised. " if quota.promised else ""
    left = _are(quota.free) if quota.free else "None is"
    return f"{promised}{left} left for ordinary access; {_are(quota.reserve)} kept free for break-glass."


def _are(number: int, more: str = "") -> str:
    return f"{number} {more}{'is' if number == 1 else 'are'}"


def _newest_policy() -> PolicyVersion | None:
    return catalogue.policies().order_by("-version").first()


def _card(target: Target, tally: Tally, says: Sequence[Said]) -> Card:
    inventory = getattr(target, "inventory", None)
    databases = inventory.databases if inventory else {}
    return Card(
        target=target,
        environment=shown.environment_tag(target),
        health=_health(target),
        databases=len(databases),
        collections=sum(len(held) for held in databases.values()),
        roles=len(inventory.roles) if inventory else 0,
        tally=tally,
        says=says,
        inventory_is_read=inventory is not None,
    )


def _health(target: Target) -> shown.Tag:
    if target.retired_at is not None:
        return shown.Tag("retired")
    if target.unreachable_since is not None:
        return shown.Tag("does not answer", "bad")
    if target.checked_at is None:
        return shown.Tag("not looked at yet", "warn")
    if target.clock_skew is not None and abs(target.clock_skew) > SKEW:
        return shown.Tag("clock differs", "warn")
    return shown.Tag("reachable", "ok")


def _roles(target: Target) -> Sequence[catalogue.Role]:
    """Those of one's data first, the server's own last; the least trust first."""
    try:
        return sorted(catalogue.roles_of(target), key=_usefulness)
    except NotReadYet:
        return ()


def _usefulness(role: catalogue.Role) -> tuple[bool, int, str]:
    return role.role.partition("@")[2] in SERVER_DATABASES, Level(role.level).rank, role.role


def _count(number: int | None) -> str:
    return "size not known" if number is None else f"about {number:,} documents"


def _size(size: int | None) -> str:
    if size is None:
        return ""
    rest, unit = float(size), 0
    while rest >= _THOUSAND and unit < len(_UNITS) - 1:
        rest, unit = rest / _THOUSAND, unit + 1
    return f"{rest:.0f} {_UNITS[unit]}"
