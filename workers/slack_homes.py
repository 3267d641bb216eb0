"""Draws the Home of the app in Slack, one person's at a time, from what is true when it is sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings

from accessrequests.domain import slack_homes as drawing
from accessrequests.domain.block_kit import Block
from accessrequests.models import AccessRequest, SlackHome
from accessrequests.operations import slack_homes
from accessrequests.operations.outbox import Claim
from accessrequests.queries import clock, slack
from accessrequests.queries import slack_homes as homes
from workers import asked
from workers.channels import slack as channel
from workers.channels.slack import STOPPED, STOPPED_PAUSE, NeverSent, NotSent, Outdated
from workers.outcomes import Again, Done, Outcome, try_again

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """`kept` is what it is compared by: the view without what differs each time."""

    view: Block
    kept: Block
    shows: Sequence[int] = ()

    @property
    def rendered_hash(self) -> str:
        return hashlib.sha256(json.dumps(self.kept, sort_keys=True).encode()).hexdigest()


def refresh(access_request: AccessRequest) -> None:
    """After something happened to a request: the Homes of all whose it is, who may decide, or have it before them."""
    if not homes.are_any():
        return
    folk = asked.beneficiaries_of(access_request) | asked.approvers_of(access_request, asks=False)
    accounts = [identity.slack_user_id for identity in slack.identities_of(folk)]
    slack_homes.refresh(slack_user_ids=accounts, access_request_id=access_request.pk)


def show_home(claim: Claim) -> Outcome:
    """What is drawn already is not sent again, unless its person has opened it since: the time left has moved."""
    if not settings.ACCESS_SLACK:
        return Done()
    if slack.is_stopped():
        return Again(why=STOPPED, delay=STOPPED_PAUSE, failed=False)
    home, at = homes.home(claim.subject_id), clock.now()
    drawn = _drawn(home, at)
    is_seen = home.drawn_at is not None and home.drawn_at >= home.opened_at
    if is_seen and drawn.rendered_hash == home.rendered_hash:
        slack_homes.mark_looked_at(home_id=home.pk, at=at)
        return Done()
    try:
        view_hash = _published(home, drawn.view)
    except NeverSent as error:
        log.warning("slack_home_given_up", account=home.slack_user_id, why=str(error))
        slack_homes.mark_looked_at(home_id=home.pk, at=at)
        return Done()
    except NotSent as error:
        return try_again(claim, str(error), not_before=error.after)
    slack_homes.mark_published(
        home_id=home.pk, rendered_hash=drawn.rendered_hash, view_hash=view_hash, shows=drawn.shows, at=at
    )
    return Done()


def _published(home: SlackHome, view: Block) -> str:
    """The lane lets one job at a time draw a Home, so what Slack has beside us is an answer that got lost on its way.

    :raises NotSent: to be tried again.
    :raises NeverSent: not to be tried again.
    """
    try:
        return channel.publish(home.slack_user_id, view, known_hash=home.view_hash)
    except Outdated:
        return channel.publish(home.slack_user_id, view)


def _drawn(home: SlackHome, at: datetime) -> _Drawn:
    person = slack.person_at(home.slack_user_id)
    if person is None:
        return _Drawn(drawing.unlinked(), drawing.unlinked())
    if not person.is_active:
        return _Drawn(drawing.switched_off(), drawing.switched_off())
    facts = homes.facts_of(person, at=at)
    return _Drawn(drawing.home(facts, at=at), drawing.home(facts, at=None), facts.numbers)
