"""E-mail, through Django's backends."""

from __future__ import annotations

import smtplib
from collections.abc import Iterable

from django.core.mail import EmailMessage, get_connection

from accessrequests.domain.sentences import Notice
from accessrequests.models import Person


class NotSent(Exception):
    """The mail server did not take a message. The text names no address and no secret."""


def send(notice: Notice, *, to: Iterable[Person]) -> None:
    """One message a person, so that nobody learns who else was told.

    :raises NotSent: when the mail server refuses or does not answer. Some may have been sent: at least once.
    """
    messages = [EmailMessage(notice.subject, notice.body, to=[person.email]) for person in to if person.email]
    try:
        get_connection().send_messages(messages)
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent(f"The mail server did not take the message ({type(error).__name__}).") from error
