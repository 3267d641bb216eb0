"""Reads `people.yaml`: the groups there are, who is in which, and the service identities with their owners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accessrequests.domain.names import NAME
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
from accessrequests.models.people import GroupRole

_NAME_FORM = "1 to 64 of a-z, 0-9, dot, dash and underscore, beginning with a letter or digit"
_ROLES = tuple(role.value for role in GroupRole)


@dataclass(frozen=True, slots=True)
class PeopleFile:
    """Groups, people and service identities as plain values, of the right types."""

    groups: Mapping[str, Mapping[str, Any]]
    people: Mapping[str, Mapping[str, Any]]
    services: Mapping[str, Mapping[str, Any]]


def read(path: Path) -> PeopleFile:
    """:raises CommandError: when the file is missing, not YAML, or says anything that we do not understand."""
    wrong: list[str] = []
    whole = Section("The document", parse_yaml(read_text(path), path=path), ("groups", "people", "services"), wrong)
    groups = {name: _group(name, entry, wrong) for name, entry in entries_of(whole, "groups").items()}
    people = {name: _person(name, entry, wrong) for name, entry in entries_of(whole, "people").items()}
    services = {
        name: _service(name, entry, wrong) for name, entry in entries_of(whole, "services", needed=False).items()
    }
    for what, named in (("Person", people), ("Service", services)):
        for name, entry in named.items():
            unknown = [group for group in entry["groups"] if group not in groups]
            wrong += [f"{what} {name}: there is no group {group}. Name it under groups." for group in unknown]
    if wrong:
        raise refuse(path, wrong)
    return PeopleFile(groups, people, services)


def _group(name: object, entry: object, wrong: list[str]) -> dict[str, Any]:
    section = Section(f"Group {name}", {} if entry is None else entry, ("role",), wrong)
    _check_name(section.who, name, wrong)
    return {"role": section.take("role", _role, " or ".join(_ROLES), default="", needed=False)}


def _person(name: object, entry: object, wrong: list[str]) -> dict[str, Any]:
    section = Section(f"Person {name}", entry, ("name", "email", "groups", "active", "identity"), wrong)
    _check_name(section.who, name, wrong)
    none: list[str] = []
    unnamed: dict[str, str] = {}
    form = "issuer and subject, each one line of text"
    identity = section.take("identity", _identity, form, default=unnamed, needed=False)
    return {
        **({"identity": identity} if identity else {}),
        "name": section.take("name", line(200), "one line of text", default=""),
        "email": section.take("email", _email, "an e-mail address", default=""),
        "groups": section.take("groups", lines(64), "a list of groups, each once", default=none, needed=False),
        "active": section.take("active", yes_or_no, "true or false", default=True, needed=False),
    }


def _service(name: object, entry: object, wrong: list[str]) -> dict[str, Any]:
    section = Section(f"Service {name}", entry, ("title", "owner", "groups", "active"), wrong)
    _check_name(section.who, name, wrong)
    none: list[str] = []
    return {
        "title": section.take("title", line(200), "one line of text", default=""),
        "owner": section.take("owner", line(64), "the user name of a person", default=""),
        "groups": section.take("groups", lines(64), "a list of groups, each once", default=none, needed=False),
        "active": section.take("active", yes_or_no, "true or false", default=True, needed=False),
    }


def _identity(value: object) -> dict[str, str] | None:
    """Whom a provider of sign-ins means by its subject."""
    if not isinstance(value, dict) or set(value) != {"issuer", "subject"}:
        return None
    issuer, subject = line(300)(value["issuer"]), line(255)(value["subject"])
    return {"issuer": issuer.rstrip("/"), "subject": subject} if issuer and subject else None


def _check_name(who: str, name: object, wrong: list[str]) -> None:
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        wrong.append(f"{who}: a name is {_NAME_FORM}. Put it in quotes if it looks like a number or a yes.")


def _role(value: object) -> str | None:
    return value if isinstance(value, str) and value in _ROLES else None


def _email(value: object) -> str | None:
    text = line(254)(value)
    try:
        validate_email(text or "")
    except ValidationError:
        return None
    return text
