"""How a person connects: a connection string and commands in which nothing that was generated can break out of its place."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from accessrequests.domain.kinds import KINDS


@dataclass(frozen=True, slots=True)
class Way:
    """One way to connect. `text` is for copying and never holds the password; `hint` says where it goes instead."""

    key: str
    name: str
    text: str
    hint: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where one connects to: the target itself, or one cluster of it by name."""

    hosts: Sequence[str]
    options: Mapping[str, str]
    cluster: str = ""


def connection_string(
    *, kind: str, hosts: Sequence[str], options: Mapping[str, str], username: str, password: str
) -> str:
    """A URI that the target's own drivers take as it is.

    MongoDB manual, "Connection String URI Format": user name and password percent-encoded, `authSource` named.
    :raises ValueError: for a kind of target that we do not know.
    """
    if kind not in KINDS:
        raise ValueError(f"There is no connection string for targets of kind {kind}.")
    return f"mongodb://{quote(username, safe='')}:{quote(password, safe='')}@{_address(hosts, options)}"


def ways_to_connect(*, kind: str, hosts: Sequence[str], options: Mapping[str, str], username: str) -> list[Way]:
    """Commands and snippets. None holds the password, which would stay in a shell's history or in a file."""
    if kind not in KINDS:
        return []
    address = f"mongodb://{_address(hosts, options)}"
    user, source = json.dumps(username), json.dumps(options.get("authSource", "admin"))
    named = f"mongodb://{quote(username, safe='')}@{_address(hosts, options)}"
    return [
        Way(
            "mongosh",
            "mongosh",
            f"mongosh {shlex.quote(address)} --username {shlex.quote(username)}",
            "It asks for the password, so that the password stays out of your shell's history.",
        ),
        Way("compass", "Compass", named, "Paste it as the URI, then type the password under Authentication."),
        Way("python", "Python", _python(json.dumps(address), user), "It asks for the password when it starts."),
        Way("node", "Node.js", _node(json.dumps(address), user), "It reads MONGODB_PASSWORD from the environment."),
        Way("go", "Go", _go(json.dumps(address), user, source), "It reads MONGODB_PASSWORD from the environment."),
        Way(
            "env",
            "Env file",
            f"MONGODB_URI={shlex.quote(address)}\nMONGODB_USERNAME={shlex.quote(username)}",
            "Keep MONGODB_PASSWORD out of the file: type read -rs MONGODB_PASSWORD && export MONGODB_PASSWORD.",
        ),
    ]


def _address(hosts: Sequence[str], options: Mapping[str, str]) -> str:
    return f"{','.join(hosts)}/?{urlencode({'authSource': 'admin', **options})}"


def _python(address: str, user: str) -> str:
    return (
        "from getpass import getpass\n"
        "from pymongo import MongoClient\n\n"
        f"client = MongoClient({address}, username={user}, password=getpass())"
    )


def _node(address: str, user: str) -> str:
    return (
        'import { MongoClient } from "mongodb";\n\n'
        f"const client = new MongoClient({address}, {{\n"
        f"  auth: {{ username: {user}, password: process.env.MONGODB_PASSWORD }},\n"
        "});"
    )


def _go(address: str, user: str, source: str) -> str:
    return (
        f"client, err := mongo.Connect(options.Client().ApplyURI({address}).\n"
        "\tSetAuth(options.Credential{\n"
        f'\t\tAuthSource: {source}, Username: {user}, Password: os.Getenv("MONGODB_PASSWORD"),\n'
        "\t}))"
    )
