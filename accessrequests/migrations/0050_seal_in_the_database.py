"""Seals audit events where they are kept, so that the trail is held for no longer than the database itself needs.

A process that waits for a processor between two statements would hold everybody's lock meanwhile.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

# The cluster (PostgreSQL manual, 9.27.11: pg_control_system), the database in it, and one table in that.
THIS_DATABASE = """
CREATE FUNCTION access_this_database() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT (SELECT system_identifier::text FROM pg_control_system())
        || '/' || (SELECT oid::text FROM pg_database WHERE datname = current_database())
        || '/' || 'accessrequests_installation'::regclass::oid::text;
$$;
"""

QUARANTINED = """
CREATE FUNCTION access_is_quarantined() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM accessrequests_installation WHERE quarantined_at IS NOT NULL OR database <> access_this_database()
    );
$$;
"""

# Each statement after the lock sees the head that the last holder committed. False: nothing was sealed.
SEAL = """
CREATE FUNCTION access_seal(events jsonb, even_quarantined boolean) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    event jsonb;
    sequence_now bigint;
    hash_now text;
    moment timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(7241960113);
    IF NOT even_quarantined AND access_is_quarantined() THEN
        RETURN false;
    END IF;
    SELECT sequence, hash INTO sequence_now, hash_now FROM accessrequests_auditevent ORDER BY sequence DESC LIMIT 1;
    IF NOT FOUND THEN
        sequence_now := 0;
        hash_now := repeat('0', 64);
    END IF;
    moment := clock_timestamp();
    FOR event IN SELECT value FROM jsonb_array_elements(events) LOOP
        sequence_now := sequence_now + 1;
        INSERT INTO accessrequests_auditevent (sequence, at, event, actor, via, subject, facts, previous, hash)
        VALUES (
            sequence_now, moment, event ->> 'event', event ->> 'actor', event ->> 'via', event ->> 'subject',
            event -> 'facts', hash_now,
            encode(sha256(convert_to(
                (event #>> '{sealed,0}') || to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                || (event #>> '{sealed,1}') || hash_now
                || (event #>> '{sealed,2}') || sequence_now
                || (event #>> '{sealed,3}'), 'UTF8')), 'hex')
        )
        RETURNING hash INTO hash_now;
    END LOOP;
    RETURN true;
END $$;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0049_credential_sent")]
    operations: ClassVar = [
        migrations.RunSQL(THIS_DATABASE, "DROP FUNCTION access_this_database();"),
        migrations.RunSQL(QUARANTINED, "DROP FUNCTION access_is_quarantined();"),
        migrations.RunSQL(SEAL, "DROP FUNCTION access_seal(jsonb, boolean);"),
    ]
