"""Lets people find requests by a word of theirs, and grants by the start of a user name."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

# Word for word what queries/search.py asks for: an index of an expression serves that expression only.
_WORDS = """
CREATE INDEX access_request_words ON accessrequests_accessrequest USING gin (to_tsvector('simple'::regconfig,
    translate("reason" || ' ' || "ticket" || ' ' || ("roles")::text, '@._-/:"[],', '          ')))
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0005_wanted_groups")]

    operations: ClassVar = [
        migrations.RunSQL(_WORDS, "DROP INDEX access_request_words"),
        migrations.RunSQL(
            "CREATE INDEX grant_username_start ON accessrequests_grant (username varchar_pattern_ops)",
            "DROP INDEX grant_username_start",
        ),
        migrations.RunSQL(
            "CREATE INDEX access_request_like ON accessrequests_accessrequest (target_id, level, id DESC)",
            "DROP INDEX access_request_like",
        ),
    ]
