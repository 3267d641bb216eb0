"""Guards the question that is put to every target that is away: once a second, and its first answer wakes the rest."""

from __future__ import annotations

import pytest

from accessrequests.domain.events import Job
from accessrequests.operations import targets
from accessrequests.queries import clock
from tests.workers.conftest import WORKER, Work
from tests.workers.processes import eventually
from tests.workers.rows import carry, events_of, message
from workers import probes as probing
from workers.probes import Probes

AWAY = ["shop-prod"]


class TestAsk:
    def test_wakes_what_waits_with_the_first_answer(self, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(probing, "EVERY_SECONDS", 0.1)
        grant = work.approved()
        targets.mark_unreachable(slug="shop-prod", why="A test says so.")
        carry(Job.PROVISION, grant)
        probes = Probes()
        work.way.shut()
        probes.ask(AWAY)
        assert not probes.bell().poll(0.3)
        work.way.open()

        def rings_when_asked() -> bool:
            probes.ask(AWAY)
            return probes.bell().poll(0)

        assert eventually(rings_when_asked)

        probes.hush()
        assert not probes.bell().poll(0)
        assert message(Job.PROVISION, grant).ready_at <= clock.now()
        assert events_of("target/shop-prod")[-1] == "target.reachable"

    def test_takes_a_refusal_for_an_answer(self, work: Work) -> None:
        """Else what waits would never be tried, and never say what is wrong."""
        targets.mark_unreachable(slug="shop-prod", why="A test says so.")
        work.owner.admin.command("updateUser", WORKER, roles=[])
        try:
            probes = Probes()
            probes.ask(AWAY)
            assert probes.bell().poll(10)
        finally:
            work.owner.admin.command("updateUser", WORKER, roles=["root"])

    def test_puts_one_question_a_second(self, work: Work) -> None:
        probes = Probes()
        probes.ask(AWAY)
        asked = dict(probes._asked_at)
        assert eventually(lambda: not probes._open)
        probes.ask(AWAY)
        assert probes._asked_at == asked
        assert probing.EVERY_SECONDS == 1

    def test_outlives_what_nobody_foresaw(self, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(probing, "EVERY_SECONDS", 0.0)
        probes = Probes()
        with monkeypatch.context() as broken:
            broken.setattr(probing, "provisioner_for", None)
            probes.ask(AWAY)
            assert eventually(lambda: not probes._open)
        targets.mark_unreachable(slug="shop-prod", why="A test says so.")
        probes.ask(AWAY)
        assert probes.bell().poll(10)
