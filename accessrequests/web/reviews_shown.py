"""Reviews of access as pages and sheets show them: rows turned into words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from accessrequests.domain.access_reviews import ANSWERED, KINDS, SubjectKind
from accessrequests.domain.lifecycle import GrantState
from accessrequests.models import ReviewCampaign, ReviewItem
from accessrequests.queries import access_reviews
from accessrequests.queries.access_reviews import Progress
from accessrequests.queries.belonging import Belonging
from accessrequests.web import shown
from accessrequests.web.shown import Tag

COLUMNS = (
    *("review", "target", "environment", "kind", "login", "whose", "what", "level", "since", "ends", "last_used"),
    *("made_by", "reviewers", "answer", "answered_by", "answered_at", "reason", "what_became_of_it"),
)
_TONES = {"keep": "ok", "end": "bad", "reduce": "warn"}
BAR = 1_000


@dataclass(frozen=True, slots=True)
class Line:
    """One access of a review. `stays`: it can only be kept."""

    item: ReviewItem
    kind: str
    stays: bool
    environment: Tag
    level: Tag | None
    use: str
    answer: Tag
    became: str
    why_not: str
    is_open: bool

    @property
    def is_mine_to_answer(self) -> bool:
        return self.is_open and not self.why_not


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the bar that shows how far a review has come; also a filter."""

    name: str
    words: str
    count: int
    x: int
    width: int


def lines(campaign: ReviewCampaign, items: Iterable[ReviewItem], who: Belonging) -> list[Line]:
    found = list(items)
    there = access_reviews.still_there(found)
    return [_line(campaign, item, who, is_there=item.pk in there) for item in found]


def _line(campaign: ReviewCampaign, item: ReviewItem, who: Belonging, *, is_there: bool) -> Line:
    is_over = access_reviews.is_over(item)
    return Line(
        item=item,
        kind=KINDS[item.kind],
        stays=item.kind == SubjectKind.OWN,
        environment=shown.environment_tag(item.target),
        level=_level(item.level),
        use=_use(item),
        answer=_answer(item, is_over=is_over),
        became=_became(item, is_there=is_there),
        why_not=access_reviews.why_not_answer(item, who),
        is_open=not item.answer and not is_over and not campaign.is_closed,
    )


def _level(level: str) -> Tag | None:
    return Tag(level, {"admin": "bad", "delegating": "bad", "write": "warn"}.get(level, "")) if level else None


def _use(item: ReviewItem) -> str:
    if item.last_used_at is not None:
        return ""
    return "never, as far as it was read" if item.is_use_known else "not known"


def _answer(item: ReviewItem, *, is_over: bool) -> Tag:
    if item.answer:
        return Tag(ANSWERED[item.answer], _TONES[item.answer])
    return Tag("over by itself") if is_over else Tag("waits", "info")


def _became(item: ReviewItem, *, is_there: bool) -> str:
    """What the rows and the last look at the target say of it now."""
    if item.grant is None:
        return "still stands there" if is_there else "gone from the target"
    if item.grant.state == GrantState.REVOKED:
        return "gone from the target"
    return "being ended" if item.grant.state == GrantState.REVOKING else "still live"


def parts(progress: Progress) -> list[Part]:
    """Side by side in one bar, what waits last."""
    named = (("keep", "kept"), ("reduce", "to be reduced"), ("end", "to end"), ("over", "over by itself"))
    found, x = [], 0
    for name, words in (*named, ("open", "waiting")):
        count = getattr(progress, name)
        width = round(BAR * count / progress.total) if progress.total else 0
        found.append(Part(name, words, count, x, min(width, BAR - x)))
        x += width
    return found


def scope_of(campaign: ReviewCampaign) -> str:
    named = [*campaign.environments, *campaign.targets]
    return ", ".join(named) if named else "every target"


def standing_of(campaign: ReviewCampaign, progress: Progress, *, at: datetime) -> Tag:
    if campaign.signed_off_at is not None:
        return Tag("signed off", "ok")
    if campaign.cancelled_at is not None:
        return Tag("cancelled")
    if not progress.open:
        return Tag("to be signed off", "warn")
    return Tag("overdue", "bad") if at >= campaign.due_at else Tag("under way", "info")


def cells(campaign: ReviewCampaign, line: Line) -> Sequence[str]:
    item = line.item
    return (
        campaign.name,
        item.target.slug,
        item.target.environment,
        line.kind,
        item.name,
        item.who,
        item.what,
        item.level,
        _moment(item.since_at),
        _moment(item.ends_at),
        _moment(item.last_used_at) or line.use,
        item.made_by,
        " ".join(item.reviewers),
        line.answer.words,
        item.answered_by.username if item.answered_by else "",
        _moment(item.answered_at),
        item.reason,
        line.became,
    )


def _moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at is not None else ""
