"""`python -m sandbox.identity`: makes the provider's database, puts its people into it, and serves."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import django
import yaml
from django.apps import apps
from django.core.management import call_command

from sandbox.identity.people import CLIENT_ID

os.environ["DJANGO_SETTINGS_MODULE"] = "sandbox.identity.settings"
SEED = "identity.yaml"


def main() -> None:
    directory = Path(os.environ["IDENTITY_DIRECTORY"])
    django.setup()
    if not (directory / "identity.sqlite3").exists():
        call_command("migrate", run_syncdb=True, verbosity=0)
        _seed(yaml.safe_load((directory / SEED).read_text(encoding="utf-8")))
    gunicorn = str(Path(sys.executable).with_name("gunicorn"))
    address = f"--bind=127.0.0.1:{os.environ['IDENTITY_PORT']}"
    # One process with threads: what a test wants said instead is kept in its memory.
    serving = ("--workers=1", "--threads=4", "--no-control-socket", "--graceful-timeout=1")
    os.execv(gunicorn, [gunicorn, "sandbox.identity.wsgi:application", "-k", "gthread", address, *serving])  # noqa: S606


def _seed(seed: dict[str, dict[str, dict[str, str]]]) -> None:
    user_model, group_model = _model("auth.User"), _model("auth.Group")
    for username, said in seed["people"].items():
        first, _, last = said["name"].partition(" ")
        user = user_model(username=username, email=said["email"], first_name=first, last_name=last)
        user.set_password(said["password"])
        user.save()
        user.groups.set([group_model.objects.get_or_create(name=group)[0] for group in said["groups"]])
    client = _model("allauth_idp_oidc.Client")(
        id=CLIENT_ID,
        name="Access Requests",
        scopes="openid\nprofile\nemail",
        grant_types="authorization_code\nrefresh_token",
        redirect_uris=seed["client"]["redirect_uri"],
        skip_consent=True,
    )
    client.set_secret(seed["client"]["secret"])
    client.save()


def _model(name: str) -> Any:
    """Models can be imported only after the settings are known, which this module makes so."""
    return apps.get_model(name)


if __name__ == "__main__":
    main()
