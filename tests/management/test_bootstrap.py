"""Making the database ready: safe to repeat, and the application's role may do no more than it needs."""

from __future__ import annotations

import io

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections
from django.db.utils import ProgrammingError

from tests.servers import APPLICATION


def test_is_safe_to_repeat_for_an_owner_who_is_no_superuser(
    committed: None, owner_connection: psycopg.Connection
) -> None:
    call_command("bootstrap", stdout=io.StringIO())
    connections["owner"].close()

    found = owner_connection.execute(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles WHERE rolname = %s", [APPLICATION]
    ).fetchone()
    assert found == (False, False, False, True)


def test_the_application_records_where_functions_were_taken_from_everybody(
    db: None, owner_connection: psycopg.Connection
) -> None:
    with owner_connection.transaction(force_rollback=True):
        owner_connection.execute("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC")
        callable_ones = owner_connection.execute(
            "SELECT proname, has_function_privilege(%s, oid, 'EXECUTE') FROM pg_proc WHERE starts_with(proname, 'access_')",
            [APPLICATION],
        ).fetchall()

    assert ("access_seal", True) in callable_ones
    assert {may for _, may in callable_ones} == {True}


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM accessrequests_grant",
        "DELETE FROM accessrequests_accessrequest",
        "DELETE FROM accessrequests_membership",
        "DELETE FROM accessrequests_personaltoken",
        "UPDATE accessrequests_auditevent SET actor = 'nobody'",
        "DELETE FROM accessrequests_auditevent",
        "TRUNCATE accessrequests_grant",
        "DELETE FROM django_migrations",
        "CREATE TABLE mine (id int)",
    ],
)
def test_the_application_may_not(db: None, statement: str) -> None:
    with connections["default"].cursor() as cursor, pytest.raises(ProgrammingError, match="permission denied"):
        cursor.execute(statement)
