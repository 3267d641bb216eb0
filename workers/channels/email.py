"""E-mail, through Django's backends."""

from __future__ import annotations

import smtplib
from collections.abc import Iterable

import structlog
from django.core.mail import EmailMessage

from accessrequests.domain.sentences import Notice
from accessrequests.models import Person

PERMANENT = 500  # RFC 5321, 4.2.1: 5yz is a reply that the same try will get again

log = structlog.get_logger(__name__)


class NotSent(Exception):
    """The mail server did not take a message. The text names no address and no secret."""


def send(notice: Notice, *, to: Iterable[Person]) -> None:
    """One message a person, so that nobody learns who else was told, and one bad address costs nobody else theirs.

    :raises NotSent: when the mail server does not answer, or asks for patience. Some may have been sent: at least once.
    """
    later = ""
    for person in to:
        try:
            EmailMessage(notice.subject, notice.body, to=[person.email]).send()
        except (smtplib.SMTPException, OSError) as error:
            if _is_final(error):
                log.warning("address_refused", person=person.username, error=type(error).__name__)
            else:
                later = type(error).__name__
    if later:
        raise NotSent(f"The mail server did not take the message ({later}).")


def _is_final(error: Exception) -> bool:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= PERMANENT for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= PERMANENT
