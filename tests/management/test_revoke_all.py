"""Guards `manage.py revoke_all`: every grant that is not over begins to end, and nothing does without a yes."""

from __future__ import annotations

import pytest

from accessrequests.models import AuditEvent, Grant, OutboxMessage
from tests import make
from tests.make import Cast
from tests.management.commands import refused, run, typed


def states() -> list[tuple[str, str, str]]:
    return list(Grant.objects.order_by("pk").values_list("target__slug", "state", "end_reason"))


class TestRevokeAll:
    def test_ends_every_grant(self, cast: Cast) -> None:
        first = make.approved_grant(cast.alice, cast.bob)
        make.submit(cast.alice, target="shop-dev")

        said = run("revoke_all", "--reason", "Incident 7", "--yes")

        assert said.startswith("Revocation started for 2 grants on every target.")
        assert states() == [("shop-prod", "revoking", "revoked"), ("shop-dev", "revoking", "revoked")]
        first.refresh_from_db()
        event = AuditEvent.objects.get(event="grant.revocation_started", subject=str(first))
        assert (first.note, event.facts["note"], event.via) == ("Incident 7", "Incident 7", "command")
        assert OutboxMessage.objects.filter(job="revoke", subject=str(first)).count() == 1

    def test_ends_only_those_of_one_target(self, cast: Cast) -> None:
        make.approved_grant(cast.alice, cast.bob)
        make.submit(cast.alice, target="shop-dev")

        run("revoke_all", "--target", "shop-dev", "--reason", "Incident 7", "--yes")

        assert states() == [("shop-prod", "pending", ""), ("shop-dev", "revoking", "revoked")]

    def test_a_second_run_finds_nothing_to_end(self, cast: Cast) -> None:
        make.approved_grant(cast.alice, cast.bob)
        run("revoke_all", "--yes")

        assert run("revoke_all", "--yes").startswith("Revocation started for 0 grants")

    @pytest.mark.parametrize("answer", ["y\n", "no\n", "\n", ""])
    def test_ends_nothing_without_a_yes(self, cast: Cast, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
        make.approved_grant(cast.alice, cast.bob)
        typed(monkeypatch, answer)

        assert refused("revoke_all", "--reason", "Incident 7") == "Nothing was ended."
        assert states() == [("shop-prod", "pending", "")]

    def test_goes_on_after_a_typed_yes(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        make.approved_grant(cast.alice, cast.bob)
        typed(monkeypatch, "yes\n")

        run("revoke_all", "--reason", "Incident 7")

        assert states() == [("shop-prod", "revoking", "revoked")]

    @pytest.mark.parametrize("arguments", [["--target", "nowhere"], ["--reason", " "]])
    def test_refuses_what_makes_no_sense(self, cast: Cast, arguments: list[str]) -> None:
        make.approved_grant(cast.alice, cast.bob)

        assert "Nothing was ended." in refused("revoke_all", "--yes", *arguments)
        assert states() == [("shop-prod", "pending", "")]
