"""E-mail, through Django's backends: the same sentences as plain text and as a page of their own."""

from __future__ import annotations

import smtplib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMultiAlternatives
from django.template import Context, Engine, Template

from accessrequests.domain.sentences import NEVER_BY_MAIL, Notice
from accessrequests.models import Person

PERMANENT = 500  # RFC 5321, 4.2.1: 5yz is a reply that the same try will get again

log = structlog.get_logger(__name__)


class NotSent(Exception):
    """The mail server did not take a message. The text names no address and no secret."""


@dataclass(frozen=True, slots=True)
class Thread:
    """What a mail program puts together: `about` is the same for all that is told of one request."""

    about: str
    notice: str


def send(notice: Notice, *, to: Iterable[Person], thread: Thread) -> None:
    """One message a person, so that nobody learns who else was told, and one bad address costs nobody else theirs.

    :raises NotSent: when the mail server does not answer, or asks for patience. Some may have been sent: at least once.
    """
    later = ""
    for person in to:
        try:
            message = _message(notice, person, thread)
            message.message()  # an address that no header can carry is found before anything is opened for it
            message.send()
        except (smtplib.SMTPException, OSError, ValueError, ImproperlyConfigured) as error:
            if _is_final(error):
                log.warning("address_refused", person=person.username, error=type(error).__name__)
            else:
                later = type(error).__name__
                if not isinstance(error, smtplib.SMTPException):
                    break  # it is away: each of the others would be waited for as long, and in vain
    if later:
        raise NotSent(f"The mail server did not take the message ({later}).")


def _message(notice: Notice, person: Person, thread: Thread) -> EmailMultiAlternatives:
    host = urlsplit(settings.ACCESS_BASE_URL).hostname or "localhost"
    # No mail carries the first id: programs that see it in all of them show these together, from the first on.
    about = f"<{settings.ACCESS_INSTALLATION}.{thread.about.replace('/', '-')}@{host}>"
    headers = {
        # The same id when the same notice is sent again, so that a server or a program can tell.
        "Message-ID": f"<{settings.ACCESS_INSTALLATION}.{thread.notice}.{person.pk}@{host}>",
        "In-Reply-To": about,
        "References": about,
        "List-Id": f"Access Requests <access-requests.{host}>",
        "Auto-Submitted": "auto-generated",  # RFC 3834: no holiday notice answers it
        "X-Auto-Response-Suppress": "All",
    }
    message = EmailMultiAlternatives(notice.subject, notice.body, to=[person.email], headers=headers)
    message.attach_alternative(_page().render(Context({"notice": notice, "never": NEVER_BY_MAIL})), "text/html")
    return message


@cache
def _page() -> Template:
    """From an engine of its own: the portal's would bring the portal's parts into a worker."""
    return Engine(dirs=[str(settings.BASE_DIR / "templates")]).get_template("mail/notice.html")


def _is_final(error: Exception) -> bool:
    if isinstance(error, ValueError):
        return True
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= PERMANENT for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= PERMANENT
