"""Whose account in Slack is whose: linked by its person while signed in here, and by nothing else."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core import signing
from django.db import transaction

from accessrequests.domain.events import Event, Via
from accessrequests.models import Person, SlackArrival, SlackIdentity
from accessrequests.operations._holding import hold_people
from accessrequests.operations._record import Fact, record
from accessrequests.operations.refusals import Gone, Refused
from accessrequests.queries import clock, people

ADDRESS_LIVES = timedelta(minutes=10)
_SALT = "accessrequests.slack.link"
_SPENT = "This address to link an account is spent or too old. Press a button in Slack to get a new one."


@dataclass(frozen=True, slots=True)
class Account:
    """An account of a workspace. `name` is only shown; it decides nothing."""

    enterprise_id: str
    team_id: str
    slack_user_id: str
    name: str


def address_for(*, account: Account) -> str:
    """What leads to the page that links this account: signed, for a while, and once."""
    until = int((clock.now() + ADDRESS_LIVES).timestamp())
    held = [
        account.enterprise_id,
        account.team_id,
        account.slack_user_id,
        account.name[:100],
        secrets.token_urlsafe(9),
        until,
    ]
    return signing.Signer(salt=_SALT).sign_object(held, compress=True)


def account_of(*, address: str) -> Account:
    """:raises Gone: when the address is none of ours, too old or spent."""
    try:
        *account, _, until = signing.Signer(salt=_SALT).unsign_object(address)
    except signing.BadSignature as error:
        raise Gone(_SPENT) from error
    if until <= clock.now().timestamp() or SlackArrival.objects.filter(digest=_digest(address)).exists():
        raise Gone(_SPENT)
    return Account(*account)


@transaction.atomic(durable=True)
def link(*, person: Person, address: str) -> SlackIdentity:
    """From now on a press of this account is a press of this person.

    :raises Gone: when the address is spent or too old.
    :raises Refused: when the account is somebody else's, or the person has another one.
    """
    hold_people([person.pk])
    account = account_of(address=address)
    at = clock.now()
    _, is_first = SlackArrival.objects.get_or_create(digest=_digest(address), defaults={"at": at})
    if not is_first:
        raise Gone(_SPENT)
    place: dict[str, Any] = {"enterprise_id": account.enterprise_id, "team_id": account.team_id}
    held = SlackIdentity.objects.filter(**place, slack_user_id=account.slack_user_id).first()
    if held is not None and held.person_id != person.pk:
        raise Refused("This Slack account is linked to somebody else. An administrator can unlink it first.")
    if held is not None:
        return held
    if SlackIdentity.objects.filter(**place, person=person).exists():
        raise Refused(
            "You have linked another Slack account of this workspace. Unlink that one first, on your account."
        )
    made = SlackIdentity.objects.create(
        **place, person=person, slack_user_id=account.slack_user_id, slack_name=account.name, linked_at=at
    )
    fact = Fact(Event.PERSON_SLACK_LINKED, f"person/{person.username}", _facts(made))
    record(fact, actor=people.actor_of(person, Via.WEB), at=at)
    return made


@transaction.atomic(durable=True)
def unlink(*, identity_id: int, by: Person) -> SlackIdentity:
    """A press of this account is nobody's again.

    :raises Refused: when it is another's, and who tries is no administrator.
    """
    held = SlackIdentity.objects.select_for_update(of=("self",)).select_related("person").get(pk=identity_id)
    at = clock.now()
    if held.person_id != by.pk and not people.may_administer(by):
        raise Refused("Only its person or an administrator unlinks a Slack account.")
    fact = Fact(Event.PERSON_SLACK_UNLINKED, f"person/{held.person.username}", _facts(held))
    SlackIdentity.objects.filter(pk=held.pk).delete()
    record(fact, actor=people.actor_of(by, Via.WEB), at=at)
    return held


def _facts(identity: SlackIdentity) -> dict[str, str]:
    return {
        "name": identity.slack_name,
        "enterprise": identity.enterprise_id,
        "team": identity.team_id,
        "slack_user": identity.slack_user_id,
    }


def _digest(address: str) -> str:
    return hashlib.sha256(f"link/{address}".encode()).hexdigest()
