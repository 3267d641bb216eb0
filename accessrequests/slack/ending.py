"""Ending an access from Slack: one button, where the portal has one for its holder and one for others."""

from __future__ import annotations

from django.conf import settings

from accessrequests.domain import slack_cards, slack_modals
from accessrequests.domain.block_kit import Block
from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Grant, Person
from accessrequests.operations import grants, refusals
from accessrequests.operations.refusals import NotReady, NotYours
from accessrequests.queries import access_requests as request_queries
from accessrequests.queries import clock, holdings, people, slack, slack_questions
from accessrequests.queries import grants as grant_queries


def end(grant: Grant, person: Person) -> None:
    """Its holder gives it back, others revoke it."""
    if person.stands_for(grant.holder):
        grants.release(grant_id=grant.pk, holder=person, via=Via.SLACK)
    else:
        grants.revoke(grant_id=grant.pk, person=person, via=Via.SLACK, reason="Ended in Slack.")


def question(person: Person, number: int) -> Block:
    """What is asked of whoever wants to end the access of that request.

    :raises DoesNotExist: as `found` does.
    :raises NotReady: when it is over, or being ended.
    """
    grant = found(person, number)
    if grant.state not in holdings.ALIVE:
        raise NotReady(f"{_named(number)} {slack.sentence_of_grant(grant, at=clock.now())}")
    return slack_modals.end(number, sentence=slack_cards.ending(_named(number)))


def answer(person: Person, number: int) -> Block:
    """They have said yes.

    :raises DoesNotExist: as `found` does; and what the operations raise.
    """
    end(found(person, number), person)
    sentence = f"{_named(number)} It is being ended. Its page says when nothing of it is left."
    return slack_modals.ended(sentence, url=f"{settings.ACCESS_BASE_URL}/requests/{number}/")


def found(person: Person, number: int) -> Grant:
    """By the number of the request, which is what every card says.

    :raises DoesNotExist: when it is not there or not theirs to see, which is kept.
    :raises NotReady: when nothing came of the request, or not yet.
    """
    grant = grant_queries.visible_to(person).filter(access_request=number).first()
    if grant is None:
        mine = request_queries.visible_to(person).filter(pk=number, grant=None)
        seen = request_queries.as_shown().filter(pk__in=mine).first()
        if seen is not None:
            said = slack.sentence_of(seen, None, at=clock.now())
            raise NotReady(f"{_named(number)} It has no access that could end. {said}")
        there = AccessRequest.objects.get(pk=number)
        refused = NotYours(there).refused
        refusals.record_refusal(refused=refused, actor=people.actor_of(person, Via.SLACK))
        raise AccessRequest.DoesNotExist
    return grant


def _named(number: int) -> str:
    return slack_questions.named(request_queries.as_shown().get(pk=number))
