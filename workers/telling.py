"""Tells people by the channels that each of them chose: the same notice by mail and as a message of their own in Slack."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

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
    """By Slack, then by mail.

    :raises NotSent: when a mail could not be sent. What was filed is not filed again.
    """
    to_mail = file_in_slack(notice, to=to, thread=thread, news=news, access_request=access_request)
    email.send(notice, to=to_mail, thread=thread)


def file_in_slack(
    notice: Notice, *, to: Iterable[Person], thread: Thread, news: News, access_request: AccessRequest | None = None
) -> list[Person]:
    """Slack's messages are filed before any mail is sent: a mail server that is away must not hold them up.

    Gives those who are to be told by mail.
    """
    folk = list(to)
    accounts = accounts_of(folk)
    ways = {person: channels_for(news, off=person.not_told_by, is_in_slack=person.pk in accounts) for person in folk}
    by_slack = [person for person, chosen in ways.items() if Channel.SLACK in chosen]
    if access_request is not None and news is News.ANSWERS:
        by_slack = [person for person, chosen in ways.items() if _needs_own(access_request, chosen)]
    to_mail = [person for person, chosen in ways.items() if Channel.MAIL in chosen]
    only = {accounts[person.pk]: person for person in by_slack if person not in to_mail}
    _in_slack(notice, [accounts[person.pk] for person in by_slack], thread, access_request, only=only)
    return to_mail


def by_mail_instead(content: Mapping[str, Any], *, about: str) -> None:
    """What Slack would not take, to a person whom nothing else told of it.

    :raises NotSent: when the mail could not be sent.
    """
    otherwise = content.get("otherwise")
    if not otherwise:
        return
    said = otherwise["notice"]
    notice = Notice(**{**said, "also": tuple((words, url) for words, url in said["also"])})
    to = Person.objects.filter(pk=otherwise["person"], is_active=True)
    email.send(notice, to=to, thread=Thread(about=otherwise["thread"], notice=about))


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


def _in_slack(
    notice: Notice,
    accounts: list[str],
    thread: Thread,
    access_request: AccessRequest | None,
    *,
    only: Mapping[str, Person],
) -> None:
    if not accounts:
        return
    number, revision = (access_request.pk, access_request.revision) if access_request is not None else (0, 0)
    message = slack_cards.told(notice, number=number, revision=revision, is_quoted=True)
    about = thread.notice
    if len(about) > LONGEST_ABOUT:
        about = hashlib.sha256(about.encode()).hexdigest()
    once = [
        Once(
            kind=SlackKind.NOTICE,
            channel=account,
            message=message,
            about=about,
            otherwise=_otherwise(notice, only[account], thread) if account in only else None,
        )
        for account in accounts
    ]
    slack_messages.tell(once=once, access_request_id=number or None)


def _otherwise(notice: Notice, person: Person, thread: Thread) -> dict[str, Any]:
    return {"person": person.pk, "thread": thread.about, "notice": asdict(notice)}
