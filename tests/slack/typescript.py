"""Slack's own types and the compiler that holds something against them, from npm, in a folder beside the virtualenv.

`python -m tests.slack.typescript` installs them where they are missing; `make test` calls it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent / "types"
BINARIES = Path(sys.prefix) / "bin"
LOCKED = ("package.json", "package-lock.json")
OPTIONS = ("--noEmit", "--strict", "--skipLibCheck", "--module", "esnext", "--moduleResolution", "bundler")


def place() -> Path:
    """Another lock, another folder."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    return Path(sys.prefix) / f"slack-types-{lock[:16]}"


def install() -> Path:
    """Fetch the locked packages with npm from the virtualenv, where they are not there yet; where they are.

    Of several processes that want them at once, one does it.
    """
    there = place()
    with (Path(sys.prefix) / "slack-types.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if there.exists():
            return there
        made = there.with_suffix(".new")
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        for name in LOCKED:
            shutil.copy(HERE / name, made)
        subprocess.run(
            [BINARIES / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=made,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            check=True,
        )
        made.rename(there)
    return there


def complaints(source: str, *, directory: Path) -> list[str]:
    """What the compiler says against this source, a line each; nothing where it is as the types want it."""
    installed = install()
    (directory / "node_modules").symlink_to(installed / "node_modules")
    (directory / "payloads.ts").write_text(source, encoding="utf-8")
    tsc = installed / "node_modules" / ".bin" / "tsc"
    said = subprocess.run(
        [tsc, *OPTIONS, "payloads.ts"],
        cwd=directory,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in said.stdout.splitlines() if line.startswith("payloads.ts")]
    return lines or ([] if said.returncode == 0 else [said.stdout + said.stderr])


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{BINARIES}:{os.environ['PATH']}"}


if __name__ == "__main__":
    install()
