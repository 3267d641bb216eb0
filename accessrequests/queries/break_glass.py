"""Break-glass as it is judged before it is done: what the policy says, who is told, and whether a second person agrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from accessrequests.domain import policy, reviews
from accessrequests.domain.approvals import Step
from accessrequests.domain.break_glass import BreakGlassVerdict, evaluate_break_glass
from accessrequests.domain.break_glass_terms import Terms
from accessrequests.domain.breaking import as_verdict
from accessrequests.domain.plain_text import visible_length, why_unreadable
from accessrequests.domain.policy import Refusal
from accessrequests.domain.reviews import Earlier
from accessrequests.models import BreakGlass, Person, Target
from accessrequests.models.access_requests import AccessKind
from accessrequests.queries import asks, limits, people
from accessrequests.queries.asks import Asked, Considered, Invalid
from accessrequests.queries.rules import rules_of

LONGEST_INCIDENT = 200
SECOND_LAPSES = timedelta(hours=1)
# Stand where a rule's name would; a rule cannot be called so, because a name holds no space.
SUSPENDED = "break-glass suspended"
ALONE = "a second person"


@dataclass(frozen=True, slots=True)
class Breaking:
    """An ask that was judged as a break-glass; `considered.verdict` says what the policy says to that.

    `why_second` says why a second person has to agree; empty when nobody has to.
    """

    considered: Considered
    terms: Terms | None
    why_second: str

    @property
    def told_groups(self) -> list[str]:
        """Whoever is told, and whoever reviews it: they see it, and each of them can end it."""
        return told_groups(self.terms) if self.terms else []


def told_groups(terms: Terms) -> list[str]:
    return sorted(terms.tells | terms.review_by)


def consider(*, person: Person, asked: Asked, incident: str, at: datetime, is_draft: bool = False) -> Breaking:
    """Judge it as of `at`; of a draft, whose words are still to be written, everything but the words.

    :raises Invalid: when a field is missing or wrong.
    :raises NotReadYet: when the target's inventory or the policy is missing.
    """
    _check_is_personal(person, asked)
    considered = asks.consider(requester=person, asked=asked, at=at, is_draft=is_draft)
    found = _judged(considered, person, is_draft=is_draft)
    if not is_draft:
        _check_incident(incident)
    why_second = _why_second(person, considered.target, found.terms, at) if found.terms else ""
    steps = _second_person(found.terms, person, at) if found.terms and why_second else ()
    refusals = [*found.refusals, *_suspended(person, at), *_no_room(considered)]
    if why_second and not steps:
        refusals.append(Refusal(ALONE, f"{why_second} Nobody else is there who could agree."))
    return Breaking(_as_broken(considered, found, refusals, steps, why_second), found.terms, why_second)


def _judged(considered: Considered, person: Person, *, is_draft: bool) -> BreakGlassVerdict:
    asked, version = considered.asked, considered.policy_version
    ask = policy.Ask(
        target=considered.target.slug,
        environment=considered.target.environment,
        level=considered.verdict.level,
        groups=considered.groups[person.username],
        duration=asked.duration,
        reason_length=None if is_draft else visible_length(asked.reason),
        person=person.username,
        **considered.use,
    )
    return evaluate_break_glass(rules_of(version), ask, version=version.version)


def _as_broken(
    considered: Considered,
    found: BreakGlassVerdict,
    refusals: Sequence[Refusal],
    steps: tuple[Step, ...],
    why_second: str,
) -> Considered:
    """The same ask with the verdict on a break-glass in place of the one on asking."""
    said = [refusal.sentence for refusal in refusals]
    more = [sentence for sentence in (*found.sentences, why_second) if sentence and sentence not in said]
    verdict = replace(
        as_verdict(found),
        allowed=not refusals,
        automatic=not (refusals or steps),
        steps=steps,
        lapses_after=SECOND_LAPSES,
        sentences=(*said, *more),
        refusals=tuple(refusals),
    )
    return replace(considered, verdict=verdict)


def _check_is_personal(person: Person, asked: Asked) -> None:
    """Who breaks the glass is who gets in, now, with a user of their own."""
    errors: dict[str, list[str]] = {}
    if asked.kind != AccessKind.DATABASE_USER:
        errors["kind"] = ["A break-glass makes a database user of your own, and gives nothing to another login."]
    if asked.grantee not in {"", person.username}:
        errors["grantee"] = ["Nobody breaks the glass for somebody else. They have to do it themselves."]
    if asked.starts_at is not None:
        errors["starts_at"] = ["A break-glass begins at once. Ask in the usual way for a later start."]
    if errors:
        raise Invalid(errors)


def _check_incident(incident: str) -> None:
    if not visible_length(incident):
        raise Invalid({"incident": ["Name the incident that this is for, like INC-884."]})
    if len(incident) > LONGEST_INCIDENT:
        raise Invalid({"incident": [f"Keep the incident within {LONGEST_INCIDENT} characters."]})
    unreadable = why_unreadable(incident)
    if unreadable:
        raise Invalid({"incident": [unreadable]})


def _why_second(person: Person, target: Target, terms: Terms, at: datetime) -> str:
    """Counted over everything that began, drills included: else a drill would be the way around it."""
    cooldown = terms.cooldown
    begun = BreakGlass.objects.filter(began_at__isnull=False)
    own = (
        begun.filter(person=person, target=target).select_related("access_request__grant").order_by("-began_at").first()
    )
    earlier = Earlier(
        of_person=begun.filter(person=person, began_at__gt=at - cooldown.person_within).count(),
        on_target=begun.filter(target=target, began_at__gt=at - cooldown.target_within).count(),
        last_end=_end_of(own, at) if own is not None else None,
    )
    return reviews.why_second_person(
        earlier,
        person=cooldown.person,
        person_within=cooldown.person_within,
        target=cooldown.target,
        target_within=cooldown.target_within,
        at=at,
    )


def _end_of(broken: BreakGlass, at: datetime) -> datetime:
    """One that never came to be is over since it was given up, and still is an end."""
    grant = broken.access_request.grant
    return grant.cut_at or grant.expires_at or at


def _second_person(terms: Terms, person: Person, at: datetime) -> tuple[Step, ...]:
    """One more, of the group of reviewers that has the most people beside whoever asks."""
    able = people.deciders_by_group(sorted(terms.review_by), since=at, without=[person.pk])
    named = sorted(able, key=lambda group: (-len(able[group]), group))
    return (Step(group=named[0], needed=1),) if named and able[named[0]] else ()


def _suspended(person: Person, at: datetime) -> list[Refusal]:
    overdue = reviews_open(person).filter(review_due_at__lte=at).order_by("review_due_at").first()
    if overdue is None:
        return []
    sentence = (
        f"Your break-glass on {overdue.target.slug} of {overdue.began_at:%-d %b} has not been reviewed in time, so you "
        "cannot break the glass until it is. Ask one of those who review it, or ask for access in the usual way."
    )
    return [Refusal(SUSPENDED, sentence)]


def reviews_open(person: Person) -> QuerySet[BreakGlass]:
    """The uses of this person that wait for a review."""
    waiting = Q(began_at__isnull=False, reviewed_at=None)
    return BreakGlass.objects.filter(waiting, person=person).select_related("target")


def _no_room(considered: Considered) -> list[Refusal]:
    principal = considered.principal
    obstacle = limits.why_not(
        considered.target,
        kind=considered.asked.kind,
        principal=principal.name,
        login=principal.name if principal.is_vouched else "",
        roles=asks.stored_privileges(considered.privileges),
        clusters=considered.clusters,
        addresses=considered.source_addresses,
        may_use_reserve=True,
    )
    return [obstacle] if obstacle else []
