"""Guards how settings are read: a secret may stand in a file, as editors leave one."""

from __future__ import annotations

import os
from pathlib import Path
from subprocess import run
from sys import executable

import pytest

from accessrequests.environment import SecretFiles


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("secret", "secret"),
        ("secret\n", "secret"),
        ("secret\r\n", "secret"),
        ("secret\n\n", "secret\n"),
        (" secret \n", " secret "),
        ("\n", ""),
        ("two\nlines\n", "two\nlines"),
    ],
)
def test_one_line_break_at_the_end_of_a_file_is_no_part_of_the_secret(tmp_path: Path, written: str, read: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(written.encode())
    settings = SecretFiles({"KEY_FILE": str(path), "KEY": "of the environment", "OTHER": "as\nit is\n"})
    assert (settings["KEY"], settings["OTHER"]) == (read, "as\nit is\n")
    assert settings["KEY"] == read, "Also when it is asked for again."


def test_a_missing_file_is_said_and_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SecretFiles({"KEY_FILE": str(tmp_path / "nowhere"), "KEY": "of the environment"})["KEY"]


def test_the_product_reads_all_its_secrets_that_way(tmp_path: Path) -> None:
    """Each in a file of its own, as docker compose mounts them."""
    names = ("ACCESS_SECRET_KEY", "DATABASE_URL", "ACCESS_SEALING_KEYS", "ACCESS_TAG_KEY")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    for name in names:
        path = tmp_path / name.lower()
        path.write_text(f"{os.environ[name]}\n")
        environment[f"{name}_FILE"] = str(path)
    environment["DJANGO_SETTINGS_MODULE"] = "accessrequests.settings"
    script = (
        "from django.conf import settings as s;"
        "print(repr([s.SECRET_KEY, s.DATABASES['default']['NAME'], s.ACCESS_SEALING_KEYS, s.ACCESS_TAG_KEY]))"
    )
    said = run([executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert said.stderr == ""
    assert said.stdout.strip() == repr(
        [
            os.environ["ACCESS_SECRET_KEY"],
            os.environ["DATABASE_URL"].rpartition("/")[2],
            os.environ["ACCESS_SEALING_KEYS"],
            os.environ["ACCESS_TAG_KEY"],
        ]
    )
