"""Guards `manage.py audit`: verify names the first bad row and fails; export can be checked without the product."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from accessrequests.domain import chain
from accessrequests.models import AuditEvent
from tests import make
from tests.make import Cast
from tests.management.commands import refused, run


class TestVerify:
    def test_says_order_only_without_an_anchor(self, cast: Cast) -> None:
        make.approved_grant(cast.alice, cast.bob)

        said = run("audit", "verify")

        count, head = AuditEvent.objects.count(), AuditEvent.objects.latest("sequence").hash
        assert said == f"INTACT: {count} events, order only: there is no anchor to compare with. Head {head}.\n"

    def test_names_the_first_bad_row(self, committed_cast: Cast, owner_connection: psycopg.Connection) -> None:
        make.approved_grant(committed_cast.alice, committed_cast.bob)
        owner_connection.execute("SET session_replication_role = replica")
        owner_connection.execute("UPDATE accessrequests_auditevent SET actor = 'mallory' WHERE sequence = 3")

        assert refused("audit", "verify") == "BROKEN at event 3. Its columns do not give its hash: the row was changed."


class TestExport:
    def test_writes_a_private_file_that_verifies_by_itself(self, cast: Cast, tmp_path: Path) -> None:
        make.approved_grant(cast.alice, cast.bob)
        path = tmp_path / "audit.jsonl"

        said = run("audit", "export", str(path))

        checked = subprocess.run(
            [sys.executable, str(chain.__file__), str(path)], capture_output=True, text=True, check=False
        )
        assert said == f"Wrote {AuditEvent.objects.count()} events to {path}.\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert checked.stdout.startswith(f"INTACT: {AuditEvent.objects.count()} events"), checked

    def test_writes_to_standard_output(self, cast: Cast) -> None:
        assert len(run("audit", "export").splitlines()) == AuditEvent.objects.count()

    @pytest.mark.parametrize("name", [".", "none/audit.jsonl"])
    def test_refuses_where_it_cannot_write(self, cast: Cast, tmp_path: Path, name: str) -> None:
        assert str(tmp_path) in refused("audit", "export", str(tmp_path / name))

    def test_never_writes_over_an_older_export(self, cast: Cast, tmp_path: Path) -> None:
        path = tmp_path / "audit.jsonl"
        path.write_text("kept")

        assert "exists already" in refused("audit", "export", str(path))
        assert path.read_text() == "kept"
