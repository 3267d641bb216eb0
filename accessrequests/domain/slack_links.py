"""What a person is told when an account of Slack begins to count as theirs, or no longer does."""

from __future__ import annotations

from collections.abc import Mapping

from accessrequests.domain.events import Event
from accessrequests.domain.notices import LONGEST_URL, Notice
from accessrequests.domain.wording import name, one_line

NO_MEMBER = "Only members of this workspace can link their account: no guests and no programs. Nothing was changed."
NOT_SAID = "Slack does not say whose account this is, so it cannot be linked, and nothing was changed. Try again later."
# docs.slack.dev, reference/objects/user-object.
_NOT_OF_A_MEMBER = (
    *("deleted", "is_bot", "is_workflow_bot", "is_restricted", "is_ultra_restricted", "is_stranger", "is_invited_user"),
)
LINK_EVENTS = frozenset({Event.PERSON_SLACK_LINKED, Event.PERSON_SLACK_UNLINKED})


def is_member(user: Mapping[str, object]) -> bool:
    """Whether an account, as Slack tells of it, is a full one of somebody of the workspace."""
    return not any(user.get(flag) for flag in _NOT_OF_A_MEMBER)


def notice_of_link(event: Event, *, account: str, actor: str, url: str) -> Notice:
    """`account` as Slack shows it, `actor` by user name; `url`: where it is unlinked."""
    if event is Event.PERSON_SLACK_LINKED:
        title = f"The Slack account {name(account)} acts as you now"
        sentence = (
            "Whoever uses it asks for access, answers requests and ends access in your name. If it was not you who linked "
            "it, unlink it now and tell your administrators."
        )
    else:
        title = f"The Slack account {name(account)} no longer acts as you"
        sentence = f"{name(actor)} unlinked it. What was done with it before stands. You can link it again from Slack."
    return Notice(
        subject=one_line(title),
        title=one_line(title),
        quoted="",
        sentence=sentence,
        button="See your account",
        url=one_line(url, LONGEST_URL),
        because="You get this because it is your account in Access Requests.",
    )
