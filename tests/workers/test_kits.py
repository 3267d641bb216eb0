"""Guards the offline kit on a real server: sealed for two, opened by a stranger, seen in use, spent, and never a stray."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core import mail

from accessrequests.domain.events import Job
from accessrequests.models import Inventory, KitUse, OfflineKit, Other
from accessrequests.operations import outbox
from tests import kits
from tests.kits import SLUG, SUBJECT
from tests.management.commands import refused, run, typed
from tests.servers import alone
from tests.workers.conftest import SHOP, WORKER, Client, Work, drain
from tests.workers.rows import carry, compare, events_of
from tests.workers.test_notify import sent
from workers import self_test
from workers.connections import provisioner_for

FRANKS, ERINS = "four words of frank's own", "and the words of erin"
USER = f"ar-kit-{SLUG}"


@pytest.fixture(autouse=True)
def only_kit() -> Iterator[None]:
    with alone("offline-kit"):
        yield


@pytest.fixture
def directory(work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a kit of shop-prod was made for frank and erin; its user goes with the test."""
    _forget(work)
    kits.declare(f"readWrite@{SHOP}")
    place = tmp_path / "usb"
    place.mkdir()
    typed(monkeypatch, f"{FRANKS}\n{FRANKS}\n{ERINS}\n{ERINS}\n")
    said = run("break_glass_kit", "make", SLUG, "--holders", "frank,erin", "--directory", str(place))
    assert OfflineKit.objects.get().fingerprint in said
    return place


def _forget(work: Work) -> None:
    if work.users_named(USER):
        work.owner.admin.command("dropUser", USER)


def opened(directory: Path, *, typed: str = f"{ERINS}\n{FRANKS}\n") -> subprocess.CompletedProcess[str]:
    """As a stranger would, on a machine that has nothing of us but what the holders carry."""
    halves = sorted(path.name for path in directory.glob("kit-*.json"))
    return subprocess.run(
        [sys.executable, "-I", "kit.py", *halves],
        cwd=directory,
        input=typed,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )


def connection_string(directory: Path) -> str:
    done = opened(directory)
    assert "may be missed" in done.stderr
    said = json.loads(done.stdout)
    assert (said["username"], said["roles"]) == (USER, [f"readWrite@{SHOP}"])
    return str(said["connect"][SLUG])


def look() -> None:
    outbox.file_periodic(job=Job.WATCH_KIT, subject=SUBJECT, target=SLUG)
    assert carry(Job.WATCH_KIT, SUBJECT).done_at is not None


def test_opens_with_both_halves_and_is_an_alarm_and_spent_once_it_is_used(
    work: Work, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drain()
    mail.outbox.clear()
    assert "does not open with this passphrase" in opened(directory, typed=f"{FRANKS}\n{FRANKS}\n").stderr
    look()
    assert not KitUse.objects.exists(), "nobody has logged in yet"
    string = connection_string(directory)
    with Client(string) as holder:
        assert holder[SHOP].orders.update_one({"_id": 0}, {"$set": {"mended": True}}).matched_count == 1
        look()
        drain()

        use = KitUse.objects.get()
        assert use.addresses == ["127.0.0.1"]
        assert holder[SHOP].orders.count_documents({"mended": True}) == 1, "what is connected goes on"
    assert not work.can_log_in(string)
    assert events_of(SUBJECT)[-2:] == ["breakglass.kit_used", "breakglass.kit_rotated"]
    told = sent()
    assert set(told) == {f"{name}@example.com" for name in ("bob", "grace", "carol", "erin", "frank")}
    assert told["frank@example.com"] == ["BREAK-GLASS: somebody logged in with the offline kit of shop-prod"]
    look()
    assert events_of(SUBJECT).count("breakglass.kit_used") == 1
    assert "1 of 1 need somebody" in refused("break_glass_kit", "check")


def test_a_login_that_is_over_is_seen_too(work: Work, directory: Path) -> None:
    with Client(connection_string(directory)) as holder:
        holder.admin.command("ping")
    look()

    assert KitUse.objects.get().logins >= 1


def test_is_neither_ended_as_a_stray_nor_listed_as_a_strangers(work: Work, directory: Path) -> None:
    for _ in range(2):
        compare(SLUG)
    outbox.file_periodic(job=Job.READ_INVENTORY, subject=SUBJECT, target=SLUG)
    drain()

    assert work.users_named(USER)
    assert not Other.objects.filter(name__startswith=USER).exists()
    assert f"{USER}@admin" not in Inventory.objects.get(target__slug=SLUG).users
    OfflineKit.objects.update(state="ended")  # as a restored backup may say
    outbox.file_periodic(job=Job.READ_INVENTORY, subject=SUBJECT, target=SLUG)
    drain()
    assert "not on record" in Other.objects.get(name=f"{USER}@admin").detail
    assert USER not in {owned.username for owned in provisioner_for(SLUG).list_ours()}


def test_is_looked_at_and_what_is_wrong_with_it_is_told(work: Work, directory: Path) -> None:
    assert run("break_glass_kit", "check").strip() == "shop-prod: as it was made."
    assert "standing" in run("break_glass_kit", "list")
    work.owner.admin.command("grantRolesToUser", USER, roles=["readAnyDatabase"])
    assert "1 of 1 need" in refused("break_glass_kit", "check")
    assert "Its user has" in OfflineKit.objects.get().trouble
    (kit,) = OfflineKit.objects.select_related("target")
    assert "should have" in self_test._try_kit(kit)
    work.owner.admin.command("dropUser", USER)
    assert "need somebody" in refused("break_glass_kit", "check")
    assert OfflineKit.objects.get().trouble == "The kit's user is no longer on the target."


def test_a_new_one_makes_the_old_halves_useless_and_it_can_be_ended(
    work: Work, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = connection_string(directory)
    with Client(before) as holder:
        holder.admin.command("ping")
    typed(monkeypatch, f"{FRANKS}\n{FRANKS}\n{ERINS}\n{ERINS}\n")
    other = tmp_path / "second"
    other.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("somebody's own")
    (other / "kit.py").symlink_to(victim)
    run("break_glass_kit", "make", SLUG, "--directory", str(other))
    assert (victim.read_text(), (other / "kit.py").is_symlink()) == ("somebody's own", False)
    assert KitUse.objects.get().logins >= 1, "whoever used the old one is told of, though nobody had looked yet"
    assert not work.can_log_in(before)
    mixed = [next(directory.glob("*frank.json")), next(other.glob("*erin.json"))]
    for half in mixed:
        (tmp_path / half.name).write_bytes(half.read_bytes())
    (tmp_path / "kit.py").write_bytes((other / "kit.py").read_bytes())
    assert "two different kits" in opened(tmp_path).stderr

    assert "is gone" in run("break_glass_kit", "end", SLUG)
    assert not work.users_named(USER)
    assert "no kit" in refused("break_glass_kit", "end", SLUG)


def test_of_which_nobody_knows_whether_the_target_took_it_says_so(
    work: Work, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, f"{FRANKS}\n{FRANKS}\n{ERINS}\n{ERINS}\n")
    work.owner.admin.command("updateUser", WORKER, roles=["clusterMonitor", "readAnyDatabase"])
    try:
        said = refused("break_glass_kit", "make", SLUG, "--directory", str(tmp_path))
    finally:
        work.owner.admin.command("updateUser", WORKER, roles=["root"])

    assert "may have taken the new password" in said
    assert "make the kit again" in said
    assert not list(tmp_path.glob("kit-*.json"))


def test_never_touches_a_user_that_is_not_proved_to_be_its_own(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _forget(work)
    work.owner.admin.command("createUser", USER, pwd="somebody-elses", roles=["read"])
    kits.declare(f"readWrite@{SHOP}")
    typed(monkeypatch, f"{FRANKS}\n{FRANKS}\n{ERINS}\n{ERINS}\n")
    try:
        assert "does not prove" in refused("break_glass_kit", "make", SLUG, "--directory", str(tmp_path))
    finally:
        _forget(work)
    assert not list(tmp_path.glob("kit-*.json"))
