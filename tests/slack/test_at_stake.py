"""Guards that whoever is asked in Slack reads there what the page of a request says is grave about it, and nobody else."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accessrequests.domain.block_kit import LONGEST_CONFIRMED
from accessrequests.domain.events import Via
from accessrequests.domain.slack_cards import CardFacts
from accessrequests.models import AccessRequest, Grant, Person, Target
from accessrequests.models.slack import SlackKind
from accessrequests.operations import grants
from accessrequests.queries import slack
from tests import glass, make
from tests.make import Cast
from tests.web.grants import gone, live


def facts_of(access_request: AccessRequest, kind: SlackKind = SlackKind.CARD) -> CardFacts:
    return slack.card_of(access_request.pk, kind=kind, revision=1, reader=None, at=make.now())


def test_the_place_its_data_the_reach_and_the_gravest_that_is_new(cast: Cast) -> None:
    make.active_grant(cast.alice, cast.bob)
    asked = make.submit(cast.alice, roles=("readWrite@shop.orders",))
    facts = facts_of(asked)
    assert (facts.environment, facts.data, facts.whose) == ("production", "personal and payment", "Alice Archer")
    assert facts.reach == "1 of 4 collections, about 10 documents: shop.orders"
    assert facts.gained == (
        "Make and drop shop.orders.",
        "Make and drop indexes in shop.orders.",
        "Insert, update and delete documents in shop.orders.",
    )
    (held,) = facts.held
    assert held.startswith("read@shop.orders until ")
    assert "shop-prod: production, personal and payment data." in facts.confirm
    assert facts.confirm.partition("once it is set up. ")[2].startswith(
        "Insert, update and delete documents in shop.orders."
    )
    own = facts_of(asked, SlackKind.OWN_CARD)
    assert (own.environment, own.reach, own.gained, own.held, own.confirm) == ("production", "", (), (), "")
    decided = make.approve(make.submit(cast.alice, roles=("read@shop.customers",)), cast.bob)
    assert facts_of(decided).gained == ()


def test_what_takes_most_of_an_administrator_comes_first(cast: Cast) -> None:
    server = {"database": "", "collection": "", "cluster": True}
    users = {"database": "admin", "collection": "system.users", "cluster": False}
    asked = make.submit(cast.alice)
    AccessRequest.objects.filter(pk=asked.pk).update(
        level="admin",
        privileges={
            "read@shop.orders": [
                {"resource": users, "actions": ["dbCheck"]},
                {"resource": server, "actions": ["addShard", "removeShard", "replSetConfigure"]},
            ]
        },
    )
    assert "replSetConfigure" in facts_of(asked).gained[0]


def test_who_said_yes_to_it(cast: Cast) -> None:
    both = make.submit(cast.alice, roles=("readWrite@shop.orders",))
    for person in (cast.bob, cast.carol):
        both = make.approve(both, person)
    with CaptureQueriesContext(connection) as asked:
        facts_of(both)
    approvals = [one["sql"] for one in asked if '"accessrequests_approval"."access_request_id" IN' in one["sql"]]
    assert approvals
    assert all("ORDER BY" in one for one in approvals), "PostgreSQL may answer in any other order."
    assert facts_of(both).sentence.startswith("Approved by Bob Brandt and Carol Castillo. ")
    itself = make.submit(cast.alice, target="shop-dev")
    assert facts_of(itself).sentence.startswith("Approved by the policy itself. ")


def test_that_a_glass_was_broken_for_which_incident_and_that_nobody_agreed(cast: Cast) -> None:
    facts = facts_of(glass.broken(cast.frank))
    assert facts.sentence.startswith("The glass was broken, and nobody agreed. ")
    assert facts.incident == "INC-884"


def test_that_it_is_longer_than_usual(cast: Cast) -> None:
    for _ in range(5):
        grant = live(cast.alice, cast.bob)
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.WEB)
        gone(grant)
        Grant.objects.filter(pk=grant.pk).update(activated_at=make.now() - timedelta(minutes=80, seconds=30))
    facts = facts_of(make.submit(cast.alice, duration=timedelta(hours=4)))
    assert facts.unusual == ("Longer than usual: the last 5 times on shop-prod were used for about 1 hour 20 minutes.")
    assert "Longer than usual." in facts.confirm
    assert facts_of(make.submit(cast.alice, duration=timedelta(hours=1))).unusual == ""


def test_what_is_asked_once_more_says_first_what_becomes_of_documents_and_never_more_than_slack_shows(
    cast: Cast,
) -> None:
    asked = make.submit(cast.alice, roles=("readWrite@shop.orders",), duration=timedelta(hours=2))
    facts = facts_of(asked)
    said = facts.confirm.partition("once it is set up. ")[2]
    assert said.startswith(
        "Insert, update and delete documents in shop.orders. Read documents in shop.orders. Make and drop shop.orders."
    )
    assert said.endswith(" more.")
    assert len(facts.confirm) <= LONGEST_CONFIRMED
    assert facts.gained[0] == "Make and drop shop.orders.", "The card says all of it, the gravest first."

    Person.objects.filter(pk=cast.alice.pk).update(name="Alice " + "Archer " * 25)
    Target.objects.filter(pk=asked.target_id).update(data_classes=["personal", "payment", "health", "x" * 60])
    told = facts_of(asked).confirm
    assert len(told) <= LONGEST_CONFIRMED
    assert "Insert, update and delete documents in shop.orders. " in told
    Target.objects.filter(pk=asked.target_id).update(data_classes=["x" * 60] * 3)
    told = facts_of(asked).confirm
    assert len(told) <= LONGEST_CONFIRMED
    assert "Insert, update and dele" in told


def test_of_an_administrators_role_the_gravest_comes_first(cast: Cast) -> None:
    facts = facts_of(make.submit(cast.alice, roles=("dbAdmin@shop",)))
    gravest = facts.gained[0]
    assert gravest in facts.confirm
    assert facts.confirm.partition("once it is set up. ")[2].startswith(gravest)
