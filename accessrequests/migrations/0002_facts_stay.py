"""Facts stay: triggers refuse to change or remove audit events, approvals and published policies."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

TABLES = ("accessrequests_auditevent", "accessrequests_approval", "accessrequests_policyversion")

FUNCTION = """
CREATE FUNCTION access_facts_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% keeps facts: rows are added, never changed or removed', TG_TABLE_NAME;
END $$;
"""

FORWARDS = FUNCTION + "".join(
    f"""
CREATE TRIGGER {table}_rows_stay BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION access_facts_stay();
CREATE TRIGGER {table}_table_stays BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION access_facts_stay();
"""
    for table in TABLES
)

BACKWARDS = (
    "".join(
        f"DROP TRIGGER {table}_rows_stay ON {table}; DROP TRIGGER {table}_table_stays ON {table};" for table in TABLES
    )
    + "DROP FUNCTION access_facts_stay();"
)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0001_tables")]
    operations: ClassVar = [migrations.RunSQL(FORWARDS, BACKWARDS)]
