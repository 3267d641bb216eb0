"""Looks whether Slack still takes our token, and whether others have begun to read along in a channel."""

from __future__ import annotations

import structlog
from django.conf import settings

from accessrequests.operations import slack_places
from accessrequests.operations.outbox import Claim
from accessrequests.queries import clock
from workers.channels import slack as channel
from workers.channels.slack import NeverSent, NotSent
from workers.outcomes import Done, Outcome
from workers.slack_copies import CLOCKWORK

log = structlog.get_logger(__name__)


def watch(claim: Claim) -> Outcome:
    """One question to Slack. When it does not answer, the next look is not far."""
    if not settings.ACCESS_SLACK:
        return Done()
    try:
        if claim.subject_name == settings.ACCESS_SLACK_TEAM_ID:
            _look_at_token()
        else:
            name = claim.subject_name
            seen = channel.look_at(name)
            slack_places.note_channel(channel=name, state=seen.state, name=seen.name, by=CLOCKWORK)
    except (NotSent, NeverSent) as error:
        log.warning("slack_not_looked_at", about=claim.subject, why=str(error))
    return Done()


def _look_at_token() -> None:
    at = clock.now()
    refused = channel.why_no_token()
    if refused:
        slack_places.stop(why=f"Slack refuses the app's token ({refused}).", by=CLOCKWORK)
    else:
        slack_places.resume(as_of=at, by=CLOCKWORK)
