"""Reviewing access: started for a scope, answered item by item, reminded of, and signed off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accessrequests.domain.access_reviews import (
    LONGEST,
    MOST_AT_ONCE,
    MOST_ITEMS,
    SHORTEST,
    ReviewAnswer,
    SubjectKind,
    first_reminder,
    next_reminder,
    why_it_ends,
)
from accessrequests.domain.events import Actor, Event, Via
from accessrequests.domain.lifecycle import EndReason
from accessrequests.domain.plain_text import visible_length, why_unreadable
from accessrequests.domain.window import format_moment
from accessrequests.models import Person, ReviewCampaign, ReviewItem, Target
from accessrequests.operations._ending import ALIVE, ended_by_person
from accessrequests.operations._ending import locked as locked_grant
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import IllegalMove, NotReady, Refused
from accessrequests.queries import access_reviews as queries
from accessrequests.queries import clock, people, review_scope
from accessrequests.queries.ask_fields import REASON_MAXIMUM
from accessrequests.queries.asks import Invalid
from accessrequests.queries.belonging import belonging_of

NAME_MAXIMUM = 120


@transaction.atomic(durable=True)
def start(
    *,
    person: Person,
    name: str,
    environments: Sequence[str] = (),
    targets: Sequence[str] = (),
    reviewers: Sequence[str] = (),
    due_at: datetime,
    via: Via,
    idempotency: Idempotency | None = None,
) -> ReviewCampaign:
    """An administrator has all that stands in a scope looked at. What stands there now is frozen.

    :raises Refused: when the person does not administer.
    :raises Invalid: when a field is wrong, or there is nothing or too much to look at.
    """
    if not people.may_administer(person):
        raise Refused("Only administrators start an access review. Ask one of them.")
    at = clock.now()
    _check(name=name, environments=environments, targets=targets, reviewers=reviewers, due_at=due_at, at=at)
    campaign = ReviewCampaign(
        name=name.strip(),
        targets=sorted(set(targets)),
        environments=sorted(set(environments)),
        reviewers=sorted(set(reviewers)),
        started_by=person,
        started_at=at,
        due_at=due_at,
        remind_at=first_reminder(at, due_at),
    )
    scope = review_scope.targets_in(environments=environments, targets=targets)
    items = review_scope.items_of(campaign, scope, most=MOST_ITEMS)
    if not items:
        raise Invalid({"targets": ["Nobody has access there now, as far as it was read. Choose other targets."]})
    if len(items) > MOST_ITEMS:
        sentence = f"More than {MOST_ITEMS} accesses are in it. Choose fewer targets, and start several reviews."
        raise Invalid({"targets": [sentence]})
    campaign.save()
    ReviewItem.objects.bulk_create(items, batch_size=500)
    facts = {"name": campaign.name, "items": len(items), "due_at": format_moment(due_at)}
    facts |= {"targets": campaign.targets, "environments": campaign.environments, "reviewers": campaign.reviewers}
    started = Fact(Event.ACCESS_REVIEW_STARTED, str(campaign), facts)
    record(started, actor=people.actor_of(person, via), at=at, idempotency=idempotency, object_id=campaign.pk)
    return campaign


@transaction.atomic(durable=True)
def answer(
    *,
    campaign_id: int,
    item_ids: Sequence[int],
    reviewer: Person,
    answer: ReviewAnswer,
    reason: str = "",
    via: Via,
    idempotency: Idempotency | None = None,
    object_id: int | None = None,
) -> list[ReviewItem]:
    """One answer to each of these items; where one of them cannot be answered, none is.

    What is ours and shall end or become less begins to end at once. What is not ours is never touched: those who own
    its target are asked to see to it. An item whose access has ended meanwhile is left as it is.
    :raises Refused: when the reviewer may not answer one of them.
    :raises IllegalMove: when one is answered, all of them are over, or the review is signed off.
    :raises Invalid: when none is named, one is not of this review or not theirs to see, or the reason is missing.
    """
    campaign = _locked(campaign_id)
    at, actor = clock.now(), people.actor_of(reviewer, via)
    items = _answerable(campaign, item_ids, reviewer)
    _check_own(items, answer)
    _check_reason(answer, reason)
    facts: list[Fact] = []
    answered: list[ReviewItem] = []
    for item in items:
        ended = _ended(item, campaign, answer, reason, actor=actor, at=at)
        if ended is None:
            continue
        item.answer, item.reason = answer.value, reason.strip()
        item.answered_by, item.answered_at = reviewer, at
        item.save(update_fields=["answer", "reason", "answered_by", "answered_at"])
        answered.append(item)
        facts += [_answered(campaign, item), *ended]
    if not answered:
        sentence = "It ended before you answered, and there is nothing left to answer."
        raise IllegalMove(sentence, person=CLOCKWORK.name, what="ended", at=at)
    facts += _handed_over(campaign, answered, answer, reason)
    record(*facts, actor=actor, at=at, idempotency=idempotency, object_id=object_id or campaign.pk)
    return answered


@transaction.atomic(durable=True)
def sign_off(
    *, campaign_id: int, person: Person, via: Via, note: str = "", idempotency: Idempotency | None = None
) -> ReviewCampaign:
    """An administrator who answered none of it says that the review is complete.

    :raises Refused: when the person does not administer, or has answered something of it.
    :raises NotReady: while something waits for an answer.
    :raises IllegalMove: when it is signed off already.
    :raises Invalid: when the note cannot be read.
    """
    campaign = _locked(campaign_id)
    at = clock.now()
    if not people.may_administer(person):
        raise _refused("Only administrators sign an access review off. Ask one of them.", campaign)
    _check_unsigned(campaign)
    if campaign.items.filter(answered_by=person).exists():
        sentence = "You answered some of it yourself. An administrator who answered none of it signs it off."
        raise _refused(sentence, campaign)
    found = queries.progress(campaign.items.all())
    if found.open:
        raise NotReady(f"{found.open} of {found.total} still wait for an answer. It is signed off when none does.")
    _check_text("note", note)
    campaign.signed_off_at, campaign.signed_off_by, campaign.note = at, person, note.strip()
    campaign.save(update_fields=["signed_off_at", "signed_off_by", "note"])
    facts = {"items": found.total, "keep": found.keep, "end": found.end, "reduce": found.reduce, "over": found.over}
    signed = Fact(Event.ACCESS_REVIEW_SIGNED_OFF, str(campaign), {**facts, "comment": campaign.note})
    record(signed, actor=people.actor_of(person, via), at=at, idempotency=idempotency, object_id=campaign.pk)
    return campaign


@transaction.atomic(durable=True)
def cancel(
    *, campaign_id: int, person: Person, reason: str, via: Via, idempotency: Idempotency | None = None
) -> ReviewCampaign:
    """An administrator gives it up, so that nobody is asked or reminded any more. What was answered stands.

    :raises Refused: when the person does not administer.
    :raises IllegalMove: when it is signed off or cancelled.
    :raises Invalid: when the reason is missing, or cannot be read.
    """
    campaign = _locked(campaign_id)
    at = clock.now()
    if not people.may_administer(person):
        raise _refused("Only administrators cancel an access review. Ask one of them.", campaign)
    _check_unsigned(campaign)
    if not visible_length(reason):
        raise Invalid({"reason": ["Say why, so that an auditor knows why it was never finished."]})
    _check_text("reason", reason)
    campaign.cancelled_at, campaign.cancelled_by, campaign.note = at, person, reason.strip()
    campaign.save(update_fields=["cancelled_at", "cancelled_by", "note"])
    facts = {"open": queries.progress(campaign.items.all()).open, "comment": campaign.note}
    cancelled = Fact(Event.ACCESS_REVIEW_CANCELLED, str(campaign), facts)
    record(cancelled, actor=people.actor_of(person, via), at=at, idempotency=idempotency, object_id=campaign.pk)
    return campaign


@transaction.atomic(durable=True)
def remind(*, campaign_id: int) -> bool:
    """Those who still have something to answer are told again; administrators once nothing is open. False: not due."""
    campaign = _locked(campaign_id)
    at = clock.now()
    if campaign.is_closed or at < campaign.remind_at:
        return False
    campaign.remind_at = next_reminder(at, campaign.due_at)
    campaign.save(update_fields=["remind_at"])
    facts = {"open": queries.progress(campaign.items.all()).open, "due_at": format_moment(campaign.due_at)}
    record(Fact(Event.ACCESS_REVIEW_REMINDED, str(campaign), facts), actor=CLOCKWORK, at=at)
    return True


def _locked(campaign_id: int) -> ReviewCampaign:
    return ReviewCampaign.objects.select_for_update(no_key=True).get(pk=campaign_id)


def _check(
    *,
    name: str,
    environments: Sequence[str],
    targets: Sequence[str],
    reviewers: Sequence[str],
    due_at: datetime,
    at: datetime,
) -> None:
    errors: dict[str, list[str]] = {}
    if not visible_length(name) or len(name) > NAME_MAXIMUM or why_unreadable(name):
        errors["name"] = [f"Give it a name of at most {NAME_MAXIMUM} plain characters."]
    if not SHORTEST <= due_at - at <= LONGEST:
        errors["due_at"] = ["Answers are due an hour from now at the soonest, and a year from now at the latest."]
    known = {
        "environments": set(Target.objects.values_list("environment", flat=True)),
        "targets": set(Target.objects.values_list("slug", flat=True)),
        "reviewers": set(queries.members_of(reviewers)),
    }
    for field, named in (("environments", environments), ("targets", targets), ("reviewers", reviewers)):
        strangers = sorted(set(named) - known[field])
        if strangers:
            what = "is no group with anybody in it" if field == "reviewers" else "is none that the catalogue has"
            errors[field] = [f"{one[:64]} {what}." for one in strangers[:5]]
    if errors:
        raise Invalid(errors)


def _answerable(campaign: ReviewCampaign, item_ids: Sequence[int], reviewer: Person) -> list[ReviewItem]:
    """In the order of their grants, so that two presses never wait for each other."""
    _check_unsigned(campaign)
    wanted = set(item_ids)
    if not 0 < len(wanted) <= MOST_AT_ONCE:
        raise Invalid({"items": [f"Choose 1 to {MOST_AT_ONCE} of them at once."]})
    belonging = belonging_of(reviewer)
    found = queries.items_for(belonging).filter(campaign=campaign, pk__in=wanted)  # nothing is told of the others
    items = list(found.order_by("grant_id", "pk"))
    if len(items) < len(wanted):
        raise Invalid({"items": ["Some of these are not of this review. Load the page again."]})
    for item in items:
        why = queries.why_not_answer(item, belonging)
        if why:
            raise _refused(f"{item.name} on {item.target.slug}: {why}", campaign)
        if item.answered_by is not None:
            by = item.answered_by.username
            who = "You have" if by == reviewer.username else f"{by} has"
            sentence = f"{who} answered for {item.name} already. Nothing was changed: load the page again."
            raise IllegalMove(sentence, person=by, what=item.answer, at=item.answered_at or campaign.started_at)
    return items


def _ended(
    item: ReviewItem, campaign: ReviewCampaign, answer: ReviewAnswer, reason: str, *, actor: Actor, at: datetime
) -> list[Fact] | None:
    """What follows at once; None where the access has ended by itself and no answer is needed."""
    if item.grant_id is None:
        return []
    grant = locked_grant(item.grant_id)
    if grant.state not in ALIVE:
        return None
    if answer is ReviewAnswer.KEEP:
        return []
    note = why_it_ends(campaign.name, answer, reason.strip())
    return ended_by_person(grant, EndReason.REVOKED, actor=actor, at=at, note=note)


def _answered(campaign: ReviewCampaign, item: ReviewItem) -> Fact:
    facts = {
        "item": item.pk,
        "kind": item.kind,
        "target": item.target.slug,
        "username": item.name,
        "access": f"{item.who or item.name} ({item.what})",
        "answer": item.answer,
        "comment": item.reason,
        **({"grant": item.grant_id} if item.grant_id else {}),
    }
    return Fact(Event.ACCESS_REVIEW_ANSWERED, str(campaign), facts)


def _handed_over(
    campaign: ReviewCampaign, items: Sequence[ReviewItem], answer: ReviewAnswer, reason: str
) -> list[Fact]:
    """We never touch what we did not make: whoever owns the target does."""
    theirs = [item for item in items if item.grant_id is None]
    if answer is ReviewAnswer.KEEP or not theirs:
        return []
    facts = {"items": [item.pk for item in theirs], "targets": sorted({item.target.slug for item in theirs})}
    return [Fact(Event.ACCESS_REVIEW_HANDED_OVER, str(campaign), {**facts, "answer": answer.value, "reason": reason})]


def _check_unsigned(campaign: ReviewCampaign) -> None:
    if campaign.cancelled_at is not None and campaign.cancelled_by is not None:
        by = campaign.cancelled_by.username
        raise IllegalMove(f"{by} has cancelled it.", person=by, what="cancelled", at=campaign.cancelled_at)
    if campaign.signed_off_at is not None and campaign.signed_off_by is not None:
        by = campaign.signed_off_by.username
        raise IllegalMove(f"{by} has signed it off.", person=by, what="signed off", at=campaign.signed_off_at)


def _check_own(items: Sequence[ReviewItem], answer: ReviewAnswer) -> None:
    own = [item for item in items if item.kind == SubjectKind.OWN]
    if own and answer is not ReviewAnswer.KEEP:
        sentence = (
            f"{own[0].name} is the login that this product works with on {own[0].target.slug}: without it nothing is "
            "given or ended there. Keep it, or retire the target first."
        )
        raise Invalid({"items": [sentence]})


def _check_reason(answer: ReviewAnswer, reason: str) -> None:
    if answer is not ReviewAnswer.KEEP and not visible_length(reason):
        raise Invalid({"reason": ["Say why, so that those who lose it, or have to see to it, know."]})
    _check_text("reason", reason)


def _check_text(field: str, text: str) -> None:
    if len(text) > REASON_MAXIMUM:
        raise Invalid({field: [f"Keep it within {REASON_MAXIMUM} characters."]})
    unreadable = why_unreadable(text)
    if unreadable:
        raise Invalid({field: [unreadable]})


def _refused(sentence: str, campaign: ReviewCampaign) -> Refused:
    return Refused(sentence, event=Event.ACCESS_REVIEW_REFUSED, subject=str(campaign))
