"""Reads `targets.yaml`: the catalogue of what people may ask for. It holds no secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from accessrequests.domain import external
from accessrequests.domain.kinds import KINDS, METHODS
from accessrequests.domain.offline_kits import HALVES
from accessrequests.domain.project_roles import NOT_FOR_GRANTS, is_project_role
from accessrequests.management.documents import (
    Section,
    entries_of,
    line,
    lines,
    parse_yaml,
    read_text,
    refuse,
    yes_or_no,
)
from accessrequests.management.presets_file import presets
from accessrequests.models.access_requests import AccessKind

LONGEST_DATABASE_USER = 1089  # a name of 1024 (Atlas, database users), and a database of 64 characters
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_KEYS = (
    "name", "kind", "environment", "owner", "data_classes", "offers", "connect_to", "retired", "database_users",
    "members", "principals", "presets", "offline_kit",
)  # fmt: skip
# A kit's user has roles that are there without us, and so no role on one collection.
_ROLE = re.compile(r"[^@.\s]+@[^@.\s]+")
# An address holds no user, password, path or second host: nothing of a URI but host and port.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
# Options that a person's driver is told; none that turns off TLS's checks or sends the password in the clear.
_CONNECT_OPTIONS = {
    *("replicaSet", "directConnection", "loadBalanced", "tls", "appName", "compressors", "retryReads", "retryWrites"),
    *("readPreference", "readPreferenceTags", "maxStalenessSeconds", "readConcernLevel", "w", "wTimeoutMS"),
    *("connectTimeoutMS", "serverSelectionTimeoutMS", "socketTimeoutMS", "maxPoolSize", "minPoolSize"),
}


def read(path: Path) -> dict[str, dict[str, Any]]:
    """:raises CommandError: when the file is missing, not YAML, or says anything that we do not understand."""
    wrong: list[str] = []
    whole = Section("The document", parse_yaml(read_text(path), path=path), ("targets",), wrong)
    entries = {slug: _target(slug, entry, wrong) for slug, entry in entries_of(whole, "targets").items()}
    if wrong:
        raise refuse(path, wrong)
    return entries


def _target(slug: object, entry: object, wrong: list[str]) -> dict[str, Any]:
    section = Section(f"Target {slug}", entry, _KEYS, wrong)
    if not (isinstance(slug, str) and _SLUG.fullmatch(slug)):
        wrong.append(f"{section.who}: a slug is 1 to 64 of a-z, 0-9 and dash, beginning with a letter or digit.")
    none: list[str] = []
    offers = _offers(section, wrong)
    return {
        "name": section.take("name", line(200), "one line of text", default=""),
        "kind": section.take("kind", _one_of(tuple(KINDS)), " or ".join(KINDS), default=""),
        "environment": section.take("environment", line(32), "one word, like production", default=""),
        "owner": section.take("owner", line(64), "a group or a team", default=""),
        "data_classes": section.take("data_classes", lines(64), "a list of words", default=none, needed=False),
        "offers": offers,
        "connect_to": _connect_to(section, wrong),
        "declared": _declared(section, wrong),
        "presets": presets(section, offers, wrong),
        "retired": section.take("retired", yes_or_no, "true or false", default=False, needed=False),
    }


def _offers(target: Section, wrong: list[str]) -> dict[str, Any]:
    section = _part(target, "offers", ("kinds", "authentication", "project_roles"), wrong)
    kinds, none = tuple(kind.value for kind in AccessKind), list[str]()
    given = section.take(
        "project_roles", _project_roles, "a list of project roles that give no access", default=none, needed=False
    )
    return {
        "kinds": section.take("kinds", _some_of(kinds), f"a list of {', '.join(kinds)}", default=none),
        "authentication": section.take(
            "authentication", _some_of(METHODS), f"a list of {', '.join(METHODS)}", default=none
        ),
        **({"project_roles": given} if given else {}),
    }


def _declared(target: Section, wrong: list[str]) -> dict[str, Any]:
    """Whose the logins are that stand there anyway."""
    none = dict[str, Any]()
    users = target.take(
        "database_users", _mapping, "names as name@database, each with whose", default=none, needed=False
    )
    principals = target.take(
        "principals", _mapping, "logins of AWS IAM, OIDC and LDAP, each with whose", default=none, needed=False
    )
    said = "user names, each with the Atlas user of that person"
    return {
        "database_users": {str(name): _database_user(target, name, entry, wrong) for name, entry in users.items()},
        "members": target.take("members", _members, said, default=none, needed=False),
        "principals": {str(name): _principal(target, name, entry, wrong) for name, entry in principals.items()},
        **({"offline_kit": _offline_kit(target, wrong)} if "offline_kit" in target.values else {}),
    }


def _offline_kit(target: Section, wrong: list[str]) -> dict[str, list[str]]:
    """The roles of the user that stands for the day when nothing of ours works, and who may hold a half of its kit."""
    section, none = (
        Section(f"{target.who}, offline_kit", target.values["offline_kit"], ("roles", "holders"), wrong),
        list[str](),
    )
    return {
        "roles": section.take("roles", _whole_roles, "a list of roles as role@database", default=none),
        "holders": section.take("holders", _holders, "a list of two user names or more", default=none),
    }


def _database_user(target: Section, name: object, entry: object, wrong: list[str]) -> dict[str, Any]:
    who = f"{target.who}, database user {name}"
    username, _, database = str(name).rpartition("@")
    if not (isinstance(name, str) and username and database and len(name) <= LONGEST_DATABASE_USER):
        wrong.append(f"{who}: write it as name@database.")
    if isinstance(entry, Mapping) and "person" in entry:
        section = Section(who, entry, ("person",), wrong)
        return {"person": section.take("person", line(64), "a user name", default="")}
    section = Section(who, entry, ("service", "owners", "end_running"), wrong)
    none: list[str] = []
    return {
        "service": section.take("service", line(64), "the name of a service", default=""),
        "owners": section.take("owners", _people, "a list of user names", default=none),
        "end_running": section.take("end_running", yes_or_no, "true or false", default=False, needed=False),
    }


def _principal(target: Section, name: object, entry: object, wrong: list[str]) -> dict[str, Any]:
    """Of a person, of a service, or of a group of people."""
    who = f"{target.who}, principal {name}"
    values: Mapping[object, Any] = entry if isinstance(entry, Mapping) else {}
    whose = "person" if "person" in values else "group" if "group" in values else "service"
    others = {"person": (), "group": ("members",), "service": ("owners",)}[whose]
    section = Section(who, entry, ("method", whose, *others), wrong)
    method = section.take("method", _one_of(external.METHODS), f"one of {', '.join(external.METHODS)}", default="")
    mistake = external.why_no_name(method, str(name)) if method else ""
    if mistake:
        wrong.append(f"{who}: {mistake}")
    if whose == "group" and method and method not in external.WITH_GROUPS:
        wrong.append(f"{who}: AWS IAM has no groups that can sign in. Name a user or a role.")
    none: list[str] = []
    return {
        "method": method,
        whose: section.take(whose, line(64), f"the name of a {whose}", default=""),
        **{key: section.take(key, _people, "a list of user names", default=none) for key in others},
    }


def _connect_to(target: Section, wrong: list[str]) -> dict[str, Any]:
    """Where people connect to. A target that has clusters says so itself, so that it may be left out there."""
    kind = KINDS.get(str(target.values.get("kind")))
    if kind is not None and kind.has_clusters and "connect_to" not in target.values:
        return {"hosts": [], "options": {}}
    section = _part(target, "connect_to", ("hosts", "options"), wrong)
    no_hosts, no_options = list[str](), dict[str, str]()
    texts = 'names with texts; put numbers, true and false in quotes, like "true"'
    return {
        "hosts": section.take("hosts", _hosts, "a list of host:port, without user and password", default=no_hosts),
        "options": section.take("options", _options, texts, default=no_options, needed=False),
    }


def _part(target: Section, key: str, keys: tuple[str, ...], wrong: list[str]) -> Section:
    """A mapping inside the entry; that it is missing is said once, not once for each of its keys."""
    if key not in target.values:
        if isinstance(target.document, Mapping):
            wrong.append(f"{target.who}: the key {key} is missing. Write it with {' and '.join(keys)}.")
        return Section(f"{target.who}, {key}", {}, keys, [])
    return Section(f"{target.who}, {key}", target.values[key], keys, wrong)


def _one_of(words: tuple[str, ...]) -> Callable[[object], str | None]:
    def read_word(value: object) -> str | None:
        return value if isinstance(value, str) and value in words else None

    return read_word


def _some_of(words: tuple[str, ...]) -> Callable[[object], list[str] | None]:
    def read_words(value: object) -> list[str] | None:
        found = lines(64)(value)
        return found if found and set(found) <= set(words) else None

    return read_words


def _project_roles(value: object) -> list[str] | None:
    """Access is given for a while by this product, never by somebody who got that for a while."""
    found = lines(64)(value)
    return found if found and all(is_project_role(one) and one not in NOT_FOR_GRANTS for one in found) else None


def _whole_roles(value: object) -> list[str] | None:
    found = lines(200)(value)
    return found if found and all(_ROLE.fullmatch(role) for role in found) else None


def _holders(value: object) -> list[str] | None:
    found = lines(64)(value)
    return found if found and len(found) >= HALVES else None


def _people(value: object) -> list[str] | None:
    return lines(64)(value) or None


def _mapping(value: object) -> dict[str, Any] | None:
    return dict(value) if isinstance(value, Mapping) else None


def _members(value: object) -> dict[str, str] | None:
    if not isinstance(value, Mapping):
        return None
    sound = all(isinstance(name, str) and name and line(300)(user) for name, user in value.items())
    return dict(value) if sound else None


def _hosts(value: object) -> list[str] | None:
    found = lines(300)(value)
    return found if found and all(_HOST.fullmatch(host) for host in found) else None


def _options(value: object) -> dict[str, str] | None:
    if not isinstance(value, Mapping):
        return None
    sound = all(
        isinstance(name, str) and name in _CONNECT_OPTIONS and line(200)(text) is not None
        for name, text in value.items()
    )
    return dict(value) if sound else None
