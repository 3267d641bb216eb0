"""Make the database ready: the application's role, its rights, the tables. Runs as the owner; safe to repeat."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from psycopg import sql

_REMOVABLE = {
    "accessrequests_slackarrival",
    "accessrequests_slackmessage",
    "accessrequests_slackidentity",
    "accessrequests_callbucket",
    "accessrequests_idempotencykey",
    "accessrequests_other",
    "accessrequests_outboxmessage",
    "accessrequests_outsidechange",
    "accessrequests_savedask",
    "accessrequests_sharedcall",
    "accessrequests_sharedobject",
    "accessrequests_shareduse",
    "accessrequests_suspicion",
    "accessrequests_schedule",  # who is on call: what it said is in the audit trail
}


class Command(BaseCommand):
    help = "Create the application's database role and rights, migrate, and make the cache table. Safe to repeat."
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        if "owner" not in settings.DATABASES:
            raise CommandError("Set DATABASE_OWNER_URL: bootstrap makes tables, which the application's role may not.")
        application = settings.DATABASES["default"]
        if application["USER"] == settings.DATABASES["owner"]["USER"]:
            raise CommandError(
                "DATABASE_URL and DATABASE_OWNER_URL must name two roles: the application owns no table."
            )
        _prepare_role(str(application["USER"]), str(application["PASSWORD"]), str(application["NAME"]))
        call_command("migrate", database="owner", verbosity=0, interactive=False)
        call_command("createcachetable", database="owner", verbosity=0)
        _keep_history(str(application["USER"]))
        self.stdout.write("The database is ready.")


def _prepare_role(role: str, password: str, database: str) -> None:
    name = sql.Identifier(role)
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        verb = "ALTER" if cursor.fetchone() else "CREATE"
        # The password goes over as a SCRAM verifier, so that the clear text reaches no server log.
        verifier = cursor.connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
        statements = [
            # No other attribute: an owner who is no superuser may not even deny one to a role that exists.
            sql.SQL("{verb} ROLE {name} LOGIN PASSWORD {verifier}").format(
                verb=sql.SQL(verb), name=name, verifier=sql.Literal(verifier.decode())
            ),
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), name),
            sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(name),
            sql.SQL(
                "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {}"
            ).format(name),
            sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {}").format(name),
            # Everybody may call a function, unless an administrator has taken that from everybody.
            sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO {}").format(name),
        ]
        for statement in statements:
            cursor.execute(statement)


def _keep_history(role: str) -> None:
    """The application removes work that is done, and nothing else of its own; the audit trail it only adds to."""
    name = sql.Identifier(role)
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            if table == "django_migrations" or (table.startswith("accessrequests_") and table not in _REMOVABLE):
                cursor.execute(sql.SQL("REVOKE DELETE ON {} FROM {}").format(sql.Identifier(table), name))
        cursor.execute(sql.SQL("REVOKE UPDATE ON accessrequests_auditevent FROM {}").format(name))
        cursor.execute(sql.SQL("REVOKE INSERT, UPDATE ON django_migrations FROM {}").format(name))
