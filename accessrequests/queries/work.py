"""What is due: messages to send, deadlines that have come, and the next moment at which anything will be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db.models import (
    Case,
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Least

from accessrequests.domain.events import Job, Queue
from accessrequests.domain.extending import SHORTEST_WARNED, WARNED_BEFORE
from accessrequests.domain.kinds import KINDS
from accessrequests.domain.lifecycle import AccessRequestState, ChangeState, GrantState
from accessrequests.models import AccessRequest, CustomRoleChange, Grant, OutboxMessage, ReviewCampaign, Target
from accessrequests.models.access_requests import AccessKind
from accessrequests.models.outbox import UNSENT, URGENT
from accessrequests.queries import clock

WAITED_FOR = Queue.PROVISION.value
SEND_AGAIN = timedelta(seconds=10)
UNCLAIMED_FOR = timedelta(seconds=1)
UNWATCHED_FOR = timedelta(seconds=5)
TELLING = (Job.NOTIFY.value, Job.DELIVER.value, Job.SHOW_IN_SLACK.value, Job.SEND_TO_SLACK.value)
MOST_ALARMS = 2
FEW = 3
ONE_IN = 10  # of more that are cut together is sent
LOOKING = (Job.RECONCILE.value, Job.READ_INVENTORY.value)
LONGEST_PUT_OFF = timedelta(seconds=30)


def _open(now: datetime) -> QuerySet[OutboxMessage]:
    """Ready, not done, and nobody holds a living claim."""
    unclaimed = Q(claimed_until=None) | Q(claimed_until__lt=now)
    return OutboxMessage.objects.filter(unclaimed, done_at=None, ready_at__lte=now)


def in_turn(messages: QuerySet[OutboxMessage]) -> QuerySet[OutboxMessage]:
    """Without those that wait for an older one of their lane: given to anybody sooner, they would be refused a claim."""
    older = OutboxMessage.objects.filter(lane=OuterRef("lane"), pk__lt=OuterRef("pk"), done_at=None)
    return messages.exclude(Exists(older))


def _claimable(now: datetime) -> QuerySet[OutboxMessage]:
    return in_turn(_open(now))


def behind(message_id: int, *, most: int) -> list[int]:
    """What is ready and waits in the lane of this message until it is done: nobody can claim it meanwhile."""
    lane = OutboxMessage.objects.filter(pk=message_id).values("lane")
    waiting = _open(clock.now()).filter(lane=Subquery(lane), pk__gt=message_id).order_by("pk")
    return list(waiting.values_list("pk", flat=True)[:most])


@dataclass(frozen=True, slots=True)
class Ready:
    """A message that is due: its queue, for a sign of life the consumer that it is for, whether it was sent before, and
    whether whoever carries another one takes it along, so that it need not be sent.
    """

    message_id: int
    queue: str
    consumer: str
    is_again: bool = False
    is_taken_along: bool = False


def to_send(now: datetime, *, limit: int, again: bool = True, in_crowd: bool = False) -> list[Ready]:
    """Messages for the broker, the most pressing first: those never sent, and `again` those sent long ago that nobody
    has claimed. While many end together, what tells of access and what looks at targets are left out for half a minute;
    what tells of requests never is.
    """
    forgotten = UNSENT | Q(sent_at__lt=now - SEND_AGAIN) if again else UNSENT
    due = _claimable(now).filter(forgotten).annotate(waits=_waits(now)).order_by("ready_at", "pk")
    columns = ("pk", "queue", "job", "subject", "sent_at", "ready_at", "failures", "waits")
    rows = due.values_list(*columns, named=True)
    # A backlog of the rest, however long, must push neither a revocation nor what somebody waits for out of the answer.
    urgent = rows.filter(queue__in=URGENT).order_by("waits", "ready_at", "pk")[:limit]
    waited_for = rows.filter(queue=WAITED_FOR)[:limit]
    others = rows.exclude(queue__in=(*URGENT, WAITED_FOR))
    if in_crowd:
        tells_of_access = Q(job__in=TELLING, subject__startswith="grant/")
        others = others.exclude(tells_of_access | Q(job__in=LOOKING), created_at__gt=now - LONGEST_PUT_OFF)
    rest = others[:limit]
    found = sorted(urgent.union(waited_for, rest, all=True), key=_place)
    new = [row for row in found if row.job == Job.REVOKE and row.sent_at is None and not row.failures]
    along = _taken_along({int(row.subject.partition("/")[2]): row.pk for row in new})
    return [
        Ready(
            row.pk,
            row.queue,
            consumer=row.subject.partition("/")[2] if row.job == Job.PROVE_ALIVE else "",
            is_again=row.sent_at is not None,
            is_taken_along=row.pk in along,
        )
        for row in found
    ]


def _place(row: Any) -> tuple[int, int, datetime, int]:
    rank = rank_of(row.queue)
    return rank, row.waits if rank == 0 else 0, row.ready_at, row.pk


def _waits(now: datetime) -> Case:
    """1 where what nobody has taken up yet goes first: an end must not wait until two thousand others are cleaned up,
    which is what was put off without a failure. What failed, or broke off, waits for others half a minute at most.
    """
    was_put_off = Q(failures=0, claimed_until=None)
    return Case(When(was_put_off | Q(ready_at__gt=now - LONGEST_PUT_OFF), claim__gt=0, then=Value(1)), default=Value(0))


def _taken_along(messages: Mapping[int, int]) -> set[int]:
    """Of new revocations, by grant: all but one in ten of each target that cuts many together (workers/revoke.py).

    If nobody does take one along, it is a revocation that nobody claims within a second.
    """
    if len(messages) <= FEW:
        return set()
    kinds = [kind for kind, known in KINDS.items() if known.cuts_together]
    to_cut = Grant.objects.filter(pk__in=messages, cut_at=None, provisioning_attempt__gt=0)
    users = to_cut.filter(access_request__kind=AccessKind.DATABASE_USER).order_by("target", "pk")
    answering = users.filter(target__kind__in=kinds, target__unreachable_since=None)
    of_targets = [list(found) for _, found in groupby(answering.values_list("pk", "target"), key=itemgetter(1))]
    many = [found for found in of_targets if len(found) > FEW]
    return {messages[pk] for found in many for place, (pk, _) in enumerate(found) if place % ONE_IN}


def rank_of(queue: str) -> int:
    """What goes first: endings and break-glass, then what somebody waits for, then the rest."""
    return 0 if queue in URGENT else 1 if queue == WAITED_FOR else 2


def unclaimed_in(queue: str) -> int:
    """How many messages of a queue are open and were never claimed, or not in time."""
    return _open(clock.now()).filter(queue=queue).exclude(sent_at=None).count()


def unclaimed_urgent(now: datetime, *, limit: int) -> list[int]:
    """Revocations and break-glass that were ready for a second and that nobody has claimed, whatever the broker says.

    Of the alarms only a few at a time: a mail server that hangs must not take all hands from those who end access.
    Nor may one that waits for its turn take the place of the one it waits for.
    """
    late = _claimable(now).filter(queue__in=URGENT, ready_at__lte=now - UNCLAIMED_FOR)
    urgent = late.order_by(_waits(now), "ready_at", "pk")
    found = list(urgent.exclude(job__in=TELLING).values_list("pk", flat=True)[:limit])
    telling = OutboxMessage.objects.filter(queue=Queue.BREAK_GLASS.value, job__in=TELLING, done_at=None)
    alarms = list(urgent.filter(job__in=TELLING).values_list("pk", flat=True)[:MOST_ALARMS])
    busy = telling.filter(claimed_until__gte=now).count() if alarms else 0
    return [*found, *alarms[: max(0, MOST_ALARMS - busy)]]


def unclaimed_watches(now: datetime) -> list[int]:
    """A look at an offline kit that nobody takes: it is needed most when the broker and the workers are away. One at a
    time, since whoever ends access goes first.
    """
    looks = OutboxMessage.objects.filter(job=Job.WATCH_KIT.value, done_at=None)
    if looks.filter(claimed_until__gte=now).exists():
        return []
    late = _open(now).filter(job=Job.WATCH_KIT.value, ready_at__lte=now - UNWATCHED_FOR)
    return list(late.order_by("ready_at", "pk").values_list("pk", flat=True)[:1])


def lapsed_requests(now: datetime, *, limit: int, except_for: Iterable[int] = ()) -> list[int]:
    """Requests that nobody answered in time. `except_for` are those that would not end, lest they crowd out others."""
    lapsed = AccessRequest.objects.filter(state=AccessRequestState.PENDING.value, lapses_at__lte=now)
    return list(lapsed.exclude(pk__in=list(except_for)).order_by("lapses_at").values_list("pk", flat=True)[:limit])


def lapsed_changes(now: datetime, *, limit: int, except_for: Iterable[int] = ()) -> list[int]:
    """Changes of custom roles that nobody answered in time."""
    lapsed = CustomRoleChange.objects.filter(state=ChangeState.PENDING.value, lapses_at__lte=now)
    return list(lapsed.exclude(pk__in=list(except_for)).order_by("lapses_at").values_list("pk", flat=True)[:limit])


def ended_grants(now: datetime, *, limit: int, except_for: Iterable[int] = ()) -> list[int]:
    """Grants past their deadline that have not begun to end: the active, and those that never became ready."""
    alive = [GrantState.ACTIVE.value, GrantState.PENDING.value]
    late = Q(expires_at__lte=now) | Q(state=GrantState.PENDING.value, activate_by__lte=now)
    return list(
        Grant.objects.filter(late, state__in=alive)
        .exclude(pk__in=list(except_for))
        .order_by(F("expires_at").asc(nulls_last=True), "pk")
        .values_list("pk", flat=True)[:limit]
    )


def orphaned_extensions(*, limit: int, except_for: Iterable[int] = ()) -> list[int]:
    """Requests to extend a grant that is ending or has ended."""
    over = [GrantState.REVOKING.value, GrantState.REVOKED.value]
    waiting = AccessRequest.objects.filter(state=AccessRequestState.PENDING.value, extends__isnull=False)
    return list(
        waiting.filter(extends__state__in=over).exclude(pk__in=list(except_for)).values_list("pk", flat=True)[:limit]
    )


def to_warn(now: datetime, *, limit: int, except_for: Iterable[int] = ()) -> list[int]:
    """Live grants whose end comes near, and whose holder has not been told of this end."""
    length = F("expires_at") - F("starts_at")
    near = Q(expires_at__lte=now + WARNED_BEFORE, expires_at__gt=now)
    due = Least(ExpressionWrapper(length / 2, DurationField()), Value(WARNED_BEFORE))
    unwarned = Grant.objects.filter(near, state=GrantState.ACTIVE.value, warned_at=None)
    long_enough = unwarned.filter(expires_at__gte=F("starts_at") + SHORTEST_WARNED, expires_at__lte=now + due)
    return list(
        long_enough.exclude(pk__in=list(except_for)).order_by("expires_at").values_list("pk", flat=True)[:limit]
    )


def to_look_at_again(now: datetime, *, limit: int, except_for: Iterable[int] = ()) -> list[int]:
    """Requests that wait for an answer, of which those who may give one are to be reminded."""
    due = AccessRequest.objects.filter(
        state=AccessRequestState.PENDING.value, look_again_at__lte=now, lapses_at__gt=now
    )
    return list(due.exclude(pk__in=list(except_for)).order_by("look_again_at").values_list("pk", flat=True)[:limit])


def reviews_to_remind(now: datetime, *, limit: int, except_for: Iterable[int] = ()) -> list[int]:
    """Reviews of access of which those who have not answered are to be reminded, or administrators to sign off."""
    under_way = ReviewCampaign.objects.filter(signed_off_at=None, cancelled_at=None)
    due = under_way.filter(remind_at__lte=now).exclude(pk__in=list(except_for))
    return list(due.order_by("remind_at").values_list("pk", flat=True)[:limit])


def next_deadline(now: datetime) -> datetime | None:
    """The soonest moment after `now` at which something becomes due, in one question.

    What is due already has had its turn; if that did not end it, it must not keep the relay awake.
    """
    waiting = OutboxMessage.objects.filter(done_at=None)
    urgent = waiting.filter(queue__in=URGENT, claimed_until=None, ready_at__lte=now, ready_at__gt=now - UNCLAIMED_FOR)
    requests = AccessRequest.objects.filter(state=AccessRequestState.PENDING.value, lapses_at__gt=now)
    changes = CustomRoleChange.objects.filter(state=ChangeState.PENDING.value, lapses_at__gt=now)
    alive = [GrantState.ACTIVE.value, GrantState.PENDING.value]
    pending = Grant.objects.filter(state=GrantState.PENDING.value)
    first, *others = (
        _soonest(waiting.filter(ready_at__gt=now), "ready_at"),
        _soonest(urgent, "ready_at", later=UNCLAIMED_FOR),
        _soonest(requests, "lapses_at"),
        _soonest(changes, "lapses_at"),
        _soonest(Grant.objects.filter(state__in=alive, expires_at__gt=now), "expires_at"),
        _soonest(pending.filter(activate_by__gt=now), "activate_by"),
    )
    return min((moment for (moment,) in first.union(*others, all=True)), default=None)


def _soonest(rows: QuerySet[Any], field: str, *, later: timedelta = timedelta()) -> QuerySet[Any, Any]:
    """The first of these moments, and so much later."""
    moment = ExpressionWrapper(F(field) + Value(later), DateTimeField())
    first: QuerySet[Any, Any] = rows.order_by(field).annotate(moment=moment).values_list("moment")[:1]
    return first


def unreachable_targets() -> list[str]:
    return list(Target.objects.exclude(unreachable_since=None).values_list("slug", flat=True))


def is_away(slug: str) -> bool:
    """Whether the target did not answer when it was last asked."""
    return Target.objects.filter(slug=slug).exclude(unreachable_since=None).exists()


def to_rearm() -> list[tuple[int, str]]:
    """Live grants, with their targets, whose end lies further ahead than the target itself keeps one."""
    return [
        row
        for kind, known in KINDS.items()
        if known.furthest_end is not None
        for row in Grant.objects.filter(
            state=GrantState.ACTIVE, target__kind=kind, expires_at__gte=F("starts_at") + known.furthest_end
        ).values_list("pk", "target__slug")
    ]


def catalogue() -> list[str]:
    """The slugs of every target that is not retired, or on which something of ours still lives."""
    alive = Grant.objects.exclude(state=GrantState.REVOKED.value).values("target")
    return list(
        Target.objects.filter(Q(retired_at=None) | Q(pk__in=alive)).order_by("slug").values_list("slug", flat=True)
    )


def last_sign_of_life(consumer: str) -> datetime | None:
    """When the consumer last carried the message that asks it for a sign of life."""
    signs = OutboxMessage.objects.filter(job=Job.PROVE_ALIVE, subject=f"consumer/{consumer}", done_at__isnull=False)
    last: datetime | None = signs.aggregate(at=Max("done_at"))["at"]
    return last
