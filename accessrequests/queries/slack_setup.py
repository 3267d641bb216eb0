"""Slack as those who set it up look at it: what comes and goes, who is linked, and where the people of each rule are asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Count, Max, QuerySet

from accessrequests.domain.events import Event, Job
from accessrequests.domain.rules import Rule
from accessrequests.domain.slack_places import id_now
from accessrequests.models import AuditEvent, OutboxMessage, PolicyVersion, SlackChannel, SlackIdentity, SlackMessage
from accessrequests.models.slack import SlackState
from accessrequests.queries.rules import rules_of
from accessrequests.queries.slack import EMERGENCIES, EVERYBODY_ELSE, channels_of
from accessrequests.queries.slack_places import SOCKET

TEST = "test/"
MOST_SHOWN = 10
REJECTED_WITHIN = timedelta(days=7)
# In one question, because the page asks many others.
_TRAFFIC = """
SELECT (SELECT max(posted_at) FROM accessrequests_slackmessage),
       (SELECT max(drawn_at) FROM accessrequests_slackmessage),
       (SELECT max(at) FROM accessrequests_slackarrival),
       (SELECT count(*) FROM accessrequests_auditevent WHERE event = 'slack.rejected' AND at > %(since)s),
       count(*), min(created_at), count(*) FILTER (WHERE failures > 0)
  FROM accessrequests_outboxmessage WHERE job IN ('show_in_slack', 'send_to_slack') AND done_at IS NULL
"""
_MANIFEST = settings.BASE_DIR / "templates" / "settings" / "slack-manifest.yaml"
_EXAMPLE = "https://access.example.com"


@dataclass(frozen=True, slots=True)
class Paused:
    """A lane in which nothing goes now: Slack asked for patience, or did not answer. `until` it is tried again."""

    lane: str
    messages: int
    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Traffic:
    """What went to Slack and came from it last, and what waits. A moment is None where there was nothing."""

    posted_at: datetime | None
    drawn_at: datetime | None
    heard_at: datetime | None
    rejected: int
    rejected_last: AuditEvent | None
    waiting: int
    waiting_since: datetime | None
    failing: int
    given_up: Sequence[SlackMessage]


@dataclass(frozen=True, slots=True)
class Route:
    """Where the people of one group are reached, and for what a rule wants them. No channel: by mail alone."""

    deed: str
    group: str
    channel: str
    called: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel by its id, what people call it, for whom it is, and the last test message into it."""

    name: str
    called: str
    groups: Sequence[str]
    test: SlackMessage | None


def manifest() -> str:
    """The app as Slack wants it described, with the address of this installation in it."""
    lines = [line for line in _MANIFEST.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    if settings.ACCESS_SLACK_MODE == SOCKET:
        lines = [line.replace("socket_mode_enabled: false", "socket_mode_enabled: true") for line in lines]
        lines = [line for line in lines if _EXAMPLE not in line]
    return "\n".join(lines).replace(_EXAMPLE, settings.ACCESS_BASE_URL)


def traffic(at: datetime) -> Traffic:
    with connection.cursor() as cursor:
        cursor.execute(_TRAFFIC, {"since": at - REJECTED_WITHIN})
        posted, drawn, heard, rejected, waiting, since, failing = cursor.fetchone()
    kept = AuditEvent.objects.filter(event=Event.SLACK_REJECTED.value).order_by("-sequence")
    dead = SlackMessage.objects.filter(state=SlackState.DEAD.value).order_by("-pk")
    return Traffic(
        posted_at=posted,
        drawn_at=drawn,
        heard_at=heard,
        rejected=rejected,
        rejected_last=kept.first() if rejected else None,
        waiting=waiting,
        waiting_since=since,
        failing=failing,
        given_up=list(dead[:MOST_SHOWN]),
    )


def paused(at: datetime) -> list[Paused]:
    """The lanes that wait, the one that goes on last first."""
    waits = OutboxMessage.objects.filter(job=Job.SEND_TO_SLACK.value, done_at=None, ready_at__gt=at).order_by()
    lanes = waits.values("lane").annotate(number=Count("pk"), until=Max("ready_at"), why=Max("last_error"))
    found = lanes.order_by("-until", "lane")[:MOST_SHOWN]
    return [Paused(one["lane"].partition("/")[2], one["number"], one["until"], one["why"]) for one in found]


def linked() -> QuerySet[SlackIdentity]:
    """Every linked account, by its person."""
    return SlackIdentity.objects.select_related("person").order_by("person__username", "pk")


def routes(called: Mapping[str, str]) -> list[tuple[str, list[Route]]]:
    """The rules of the policy in force that ask or tell anybody, each with where these people are reached."""
    version = PolicyVersion.objects.order_by("-version").first()
    rules = rules_of(version).rules if version is not None else ()
    found = [(rule.name, list(_asked_by(rule))) for rule in rules]
    into = {group: next(iter(channels_of([group])), "") for group in {one for _, asked in found for _, one in asked}}
    return [
        (name, [Route(deed, group, into[group], called.get(into[group], into[group])) for deed, group in asked])
        for name, asked in found
        if asked
    ]


def channels(called: Mapping[str, str]) -> list[Channel]:
    """The channels that an operator named, each with its last test. `called`: what `names` gives."""
    by_name: dict[str, list[str]] = {}
    for group, channel in settings.ACCESS_SLACK_CHANNELS.items():
        by_name.setdefault(channel, []).append(_FOR_WHOM.get(group, group))
    tests: dict[str, SlackMessage] = {}
    for message in SlackMessage.objects.filter(channel__in=by_name, about__startswith=TEST).order_by("pk"):
        tests[message.channel] = message
    return [Channel(name, called.get(name, name), groups, tests.get(name)) for name, groups in by_name.items()]


def names() -> dict[str, str]:
    """What each channel is called, by every id that it has had: #approvals (C0123), as Slack said when it was looked at."""
    known = {one.channel: one for one in SlackChannel.objects.all()}
    moved = {channel: one.moved_to for channel, one in known.items()}
    now = {channel: known.get(id_now(channel, moved), one) for channel, one in known.items()}
    return {channel: f"#{one.name} ({channel})" if one.name else channel for channel, one in now.items()}


_FOR_WHOM: Mapping[str, str] = {EVERYBODY_ELSE: "every other group", EMERGENCIES: "every break-glass"}


def _asked_by(rule: Rule) -> Iterable[tuple[str, str]]:
    """The groups that a rule wants, each with what it wants of them."""
    yield from (("is asked", step.group) for step in rule.approvals)
    if rule.answering.escalate is not None:
        yield ("may answer later", rule.answering.escalate.to)
    if rule.answering.fallback:
        yield ("answers where nobody else can", rule.answering.fallback)
    if rule.break_glass is not None:
        yield from (("is told of a break-glass", group) for group in sorted(rule.break_glass.terms.tells))
