"""How a person connects whom AWS, a provider of identities or a directory vouches for: there is no secret of ours in it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from accessrequests.domain.connecting import Place, Way
from accessrequests.domain.kinds import AWS_IAM, LDAP, OIDC, named_method

# MongoDB manual, "Connection String URI Format", authMechanism.
_MECHANISMS: Mapping[str, str] = {AWS_IAM: "MONGODB-AWS", OIDC: "MONGODB-OIDC", LDAP: "PLAIN"}
_FIRST: Mapping[str, str] = {
    AWS_IAM: "Drivers take the credentials from the environment: sign in to AWS as {name} first, by assuming it where it "
    "is a role. `aws sts get-caller-identity` says who you are.",
    OIDC: "The shell opens your browser, and your provider asks who you are. A service brings a token of its platform's: "
    "its driver takes authMechanismProperties=ENVIRONMENT:… for that.",
    LDAP: "It asks for your name and password in the directory.",
}
_PACKAGES: Mapping[str, str] = {AWS_IAM: 'pip install "pymongo[aws]" first.', OIDC: "", LDAP: ""}


def address(*, place: Place, method: str) -> str:
    """A URI that drivers take as it is. TLS always, since LDAP sends the password as it was typed."""
    said = {**place.options, "authSource": "$external", "authMechanism": _MECHANISMS[method], "tls": "true"}
    return f"mongodb://{','.join(place.hosts)}/?{urlencode(said)}"


def how(*, method: str, name: str, is_group: bool, places: Sequence[Place]) -> str:
    """In sentences, for whoever looks for a password."""
    whose = f"as a member of {name}" if is_group else f"as {name}"
    where = " and ".join(address(place=place, method=method) for place in places)
    return (
        f"There is no password to this: sign in with {named_method(method)} {whose}, which stays as it is. "
        f"{f'Connect to {where}' if where else 'The target has not said yet where it can be reached'}."
    )


def ways_to_connect(*, place: Place, method: str, name: str, is_group: bool) -> list[Way]:
    """Commands and snippets. What proves who one is never stands in them."""
    uri = address(place=place, method=method)
    hint = _FIRST[method].format(name=name)
    if method == LDAP:
        return _by_directory(uri, name="YOUR NAME" if is_group else name, hint=hint)
    python = f"from pymongo import MongoClient\n\nclient = MongoClient({json.dumps(uri)})"
    return [
        Way("mongosh", "mongosh", f"mongosh {shlex.quote(uri)}", hint),
        Way("compass", "Compass", uri, f"Paste it as the URI. {hint}"),
        Way("python", "Python", python, f"{_PACKAGES[method]} {hint}".strip()),
        Way("env", "Env file", f"MONGODB_URI={shlex.quote(uri)}", hint),
    ]


def _by_directory(uri: str, *, name: str, hint: str) -> list[Way]:
    user = json.dumps(name)
    python = (
        "from getpass import getpass\n"
        "from pymongo import MongoClient\n\n"
        f"client = MongoClient({json.dumps(uri)}, username={user}, password=getpass())"
    )
    return [
        Way("mongosh", "mongosh", f"mongosh {shlex.quote(uri)} --username {shlex.quote(name)}", hint),
        Way("compass", "Compass", uri, "Paste it as the URI, then type name and password under Authentication, LDAP."),
        Way("python", "Python", python, hint),
        Way(
            "env",
            "Env file",
            f"MONGODB_URI={shlex.quote(uri)}\nMONGODB_USERNAME={shlex.quote(name)}",
            "Keep the password out of the file.",
        ),
    ]
