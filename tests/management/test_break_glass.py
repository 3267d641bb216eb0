"""Guards `manage.py break_glass`: the same operation after password and second factor, refused without either."""

from __future__ import annotations

import pytest

from accessrequests.models import AuditEvent, BreakGlass, Grant
from accessrequests.operations.people import set_password
from tests import glass, make
from tests.make import Cast
from tests.management.commands import refused, run, typed

PASSWORD = "correct-horse-battery-staple"
OPEN = (
    *("break_glass", "open", "frank", "shop-prod", "--role", "readWrite@shop", "--incident", "INC-884"),
    *("--reason", glass.REASON),
)


@pytest.fixture
def seed(cast: Cast) -> str:
    set_password(username="frank", password=PASSWORD, actor=make.OPERATOR)
    return glass.add_second_factor(cast.frank)


def worker_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the relay does, as soon as the command looks for it."""

    def work(_seconds: float) -> None:
        make.activated(Grant.objects.get(state="pending"))

    monkeypatch.setattr("accessrequests.management.commands.break_glass.sleep", work)


def test_gives_access_and_shows_how_to_connect_once(cast: Cast, seed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, f"shop-prod\n{PASSWORD}\n{glass.code_of(seed)}\n")
    worker_at_hand(monkeypatch)

    said = run(*OPEN, "--for", "30 min", "--drill")

    grant, broken = Grant.objects.get(), BreakGlass.objects.get()
    assert said.startswith(f"mongodb://{grant.username}:")
    assert (grant.holder, broken.is_drill, broken.os_user) == (cast.frank, True, "os:root")
    requested = AuditEvent.objects.get(event="breakglass.requested")
    assert (requested.actor, requested.via, requested.facts["os_user"]) == ("frank", "command", "os:root")
    assert "frank" in run("break_glass", "list")
    typed(monkeypatch, f"{PASSWORD}\n{glass.code_of(seed, ahead=1)}\n")
    assert "is being ended" in run("break_glass", "end", "frank", str(broken.access_request_id))
    assert Grant.objects.get().end_reason == "released"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("shop-dev\n", "not the name of the target"),
        ("shop-prod\nwrong\n{code}\n", "The password or the code is not right"),
        (f"shop-prod\n{PASSWORD}\n000000\n", "The password or the code is not right"),
        (f"shop-prod\n{PASSWORD}\n\n", "The password or the code is not right"),
    ],
)
def test_refuses_without_both(cast: Cast, seed: str, monkeypatch: pytest.MonkeyPatch, lines: str, said: str) -> None:
    typed(monkeypatch, lines.format(code=glass.code_of(seed)))

    assert said in refused(*OPEN)

    assert not Grant.objects.exists()


def test_refuses_whom_the_policy_does_not_name_before_it_asks_for_secrets(
    cast: Cast, seed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, "shop-prod\n")
    assert "is for people of on-call" in refused(*(part if part != "frank" else "alice" for part in OPEN))
    assert AuditEvent.objects.filter(event="breakglass.refused", actor="alice").count() == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("open", "nobody", "shop-prod"), "nobody called nobody"),
        (("end", "frank", "1"), "no break-glass"),
    ],
)
def test_says_what_is_not_there(cast: Cast, arguments: tuple[str, ...], said: str) -> None:
    more = ("--role", "read@shop", "--incident", "i", "--reason", "r") if arguments[0] == "open" else ()
    assert said in refused("break_glass", *arguments, *more)


def test_somebody_who_was_told_ends_it_too(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    access_request = glass.broken(cast.frank)
    set_password(username="carol", password=PASSWORD, actor=make.OPERATOR)
    typed(monkeypatch, f"{PASSWORD}\n{glass.code_of(glass.add_second_factor(cast.carol))}\n")

    run("break_glass", "end", "carol", str(access_request.pk))

    assert Grant.objects.get().ended_by == "carol"


def test_says_when_it_waits_and_when_nobody_takes_it(cast: Cast, seed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accessrequests.management.commands.break_glass.PATIENCE_SECONDS", 0.0)
    typed(monkeypatch, f"shop-prod\n{PASSWORD}\n{glass.code_of(seed)}\n")
    assert "nobody has taken it yet" in refused(*OPEN)

    typed(monkeypatch, f"shop-prod\n{PASSWORD}\n{glass.code_of(seed, ahead=1)}\n")
    assert "waits for a second person" in run(*OPEN)
