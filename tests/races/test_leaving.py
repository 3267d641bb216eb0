"""Guards whoever ends what somebody has asked for: nobody waits there for one who decides, and who may wait for them."""

from __future__ import annotations

import psycopg
from django.db import connection, transaction

from accessrequests.models import Person
from accessrequests.operations import _leaving
from tests import make
from tests.make import Cast
from tests.races.together import Waiting, holding


def test_what_was_filed_meanwhile_and_is_being_decided_is_left_alone(
    committed_cast: Cast, owner_connection: psycopg.Connection
) -> None:
    """Only what was held before the people may be waited for: this one was not there then."""
    request = make.submit(committed_cast.alice)
    with holding(owner_connection, "accessrequest", request.pk), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '3s'")
        Person.objects.select_for_update(no_key=True).get(pk=committed_cast.alice.pk)
        assert _leaving.end_all(disabled=[committed_cast.alice], left=[], actor=make.OPERATOR, at=make.now()) == []

    request.refresh_from_db()
    assert request.state == "pending"
    make.apply("alice", active=False)
    request.refresh_from_db()
    assert request.state == "cancelled"


def test_a_service_is_off_where_its_owner_goes_off_while_the_file_is_applied(
    committed_cast: Cast, owner_connection: psycopg.Connection
) -> None:
    """The owner is held like everybody whom the file names: whoever turns them away is waited for."""
    bob = committed_cast.bob.pk
    waiting = Waiting(owner_connection, "person", bob, make.make_service)
    owner_connection.execute("UPDATE accessrequests_person SET is_active = false WHERE id = %s", [bob])

    service = waiting.release()

    assert isinstance(service, Person)
    assert not service.is_active
