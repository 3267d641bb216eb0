"""Tells people by the channels that each of them chose: the same notice by mail and as a message of their own in Slack."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from django.conf import settings

from accessrequests.domain import slack_cards
from accessrequests.domain.channels import Channel, News, channels_for
from accessrequests.domain.notices import Notice
from accessrequests.models import AccessRequest, Person
from accessrequests.models.slack import SlackKind
from accessrequests.operations import slack_messages
from accessrequests.operations.slack_messages import Once
from accessrequests.queries import slack
from workers.channels import email
from workers.channels.email import Thread

LONGEST_ABOUT = 64


def tell(
    notice: Notice, *, to: Iterable[Person], thread: Thread, news: News, access_request: AccessRequest | None = None
) -> None:
    """Slack's messages are filed before a mail is sent: a mail server that is away must not hold them up.

    :raises NotSent: when a mail could not be sent. What was filed is not filed again.
    """
    folk = list(to)
    accounts = accounts_of(folk)
    ways = {person: channels_for(news, off=person.not_told_by, is_in_slack=person.pk in accounts) for person in folk}
    by_slack = [accounts[person.pk] for person, chosen in ways.items() if Channel.SLACK in chosen]
    if access_request is not None and news is News.ANSWERS:
        by_slack = [accounts[person.pk] for person, chosen in ways.items() if _needs_own(access_request, chosen)]
    _in_slack(notice, by_slack, thread, access_request)
    email.send(notice, to=[person for person, chosen in ways.items() if Channel.MAIL in chosen], thread=thread)


def by_mail(folk: Iterable[Person], *, news: News) -> list[Person]:
    """Those of them who are told by mail, where something else tells them in Slack."""
    those = list(folk)
    accounts = accounts_of(those)
    return [
        person
        for person in those
        if Channel.MAIL in channels_for(news, off=person.not_told_by, is_in_slack=person.pk in accounts)
    ]


def accounts_of(folk: Iterable[Person]) -> dict[int, str]:
    """The account in Slack of each who has linked one and can be reached there, where there is Slack."""
    if not settings.ACCESS_SLACK or slack.is_stopped():
        return {}
    return {identity.person_id: identity.slack_user_id for identity in slack.reachable(folk)}


def _needs_own(access_request: AccessRequest, chosen: frozenset[Channel]) -> bool:
    """A card in the channel of one's group asks already; who wants no mail is told in a message of their own, too."""
    has_card = bool(slack.channels_of([*access_request.step_groups, *access_request.stand_ins]))
    return Channel.SLACK in chosen and (not has_card or Channel.MAIL not in chosen)


def _in_slack(notice: Notice, accounts: list[str], thread: Thread, access_request: AccessRequest | None) -> None:
    if not accounts:
        return
    number, revision = (access_request.pk, access_request.revision) if access_request is not None else (0, 0)
    message = slack_cards.told(notice, number=number, revision=revision, is_quoted=True)
    about = thread.notice
    if len(about) > LONGEST_ABOUT:
        about = hashlib.sha256(about.encode()).hexdigest()
    once = [Once(kind=SlackKind.NOTICE, channel=account, message=message, about=about) for account in accounts]
    slack_messages.tell(once=once, access_request_id=number or None)
