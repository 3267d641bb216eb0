"""The names that we give on a target: readable, unique, safe, and derived from the grant's id."""

from __future__ import annotations

import re
import unicodedata

from accessrequests.domain.kinds import X509, X509_MANAGED

PREFIX = "jit"
# PostgreSQL keeps 63 bytes of a name; MongoDB and Atlas allow more.
LONGEST_NAME = 63
LONGEST_WHO = 20
LARGEST_GRANT_ID = 2**63 - 1
LARGEST_ORDINAL = 999
# Our certificate authority signs for nobody outside of it, and nobody else may be in it.
ORGANIZATION = "access-grants"

_INSTALLATION = re.compile(r"[a-z0-9]{4,12}")
# An installation holds no dash and the id comes last, so a name can be taken apart in one way only.
_USERNAME = re.compile(
    rf"{PREFIX}-(?P<installation>[a-z0-9]{{4,12}})-(?P<who>[a-z0-9]+(?:-[a-z0-9]+)*)-(?P<grant_id>[1-9][0-9]{{0,18}})"
)
_ROLE_NAME = re.compile(r"(?P<username>[a-z0-9-]+)-r(?P<ordinal>[1-9][0-9]{0,2})")


class InvalidName(ValueError):
    """A name cannot be made of this. It is a mistake of ours or of the settings, never of the person."""


def username_for(*, installation: str, grant_id: int, person: str) -> str:
    """The user of one grant, for example jit-acme1-alice-77. Two grants or installations never share one.

    :raises InvalidName: when the installation or the id is not of the expected form.
    """
    if not _INSTALLATION.fullmatch(installation):
        raise InvalidName("The installation's short id must be 4 to 12 of a-z and 0-9. Correct the setting.")
    if not 1 <= grant_id <= LARGEST_GRANT_ID:
        raise InvalidName(f"{grant_id} is not the id of a grant.")
    return f"{PREFIX}-{installation}-{_slug(person)}-{grant_id}"


def subject_of(username: str) -> str:
    """The subject of the certificate of a grant's user as MongoDB and Atlas spell it (RFC 2253)."""
    return f"CN={username},O={ORGANIZATION}"


def common_name_of(username: str) -> str:
    """The subject of a certificate that Atlas makes: a common name, and nothing else (databaseUsers, x509Type MANAGED)."""
    return f"CN={username}"


def certified(username: str, authentication: str) -> str:
    """What the target calls the user of a grant that signs in so."""
    spell = {X509: subject_of, X509_MANAGED: common_name_of}.get(authentication)
    return spell(username) if spell else username


def named_in_subject(subject: str) -> str | None:
    """The user whose certificate has this subject, or None when it is not one that we would ask for."""
    username = subject.removeprefix("CN=").removesuffix(f",O={ORGANIZATION}")
    is_certified = subject in {subject_of(username), common_name_of(username)}
    return username if is_certified and _taken_apart(username) is not None else None


def grant_id_of(name: str, installation: str) -> int | None:
    """The grant that the user's name belongs to, or None when this installation did not make the name."""
    found = _taken_apart(name)
    if found is None or found["installation"] != installation:
        return None
    return int(found["grant_id"])


def looks_like_ours(name: str, installation: str) -> bool:
    """Whether a user or role carries a name that this installation would give. A name proves nothing by itself."""
    return grant_id_of(username_of_role(name) or name, installation) is not None


def role_name_for(username: str, ordinal: int) -> str:
    """A role of our own for one user, needed where the target cannot narrow a role to a collection.

    :raises InvalidName: when the user's name is not one of ours, or the ordinal is not 1 to 999.
    """
    if _taken_apart(username) is None:
        raise InvalidName(f"{username!r} is not a user name that we give.")
    if not 1 <= ordinal <= LARGEST_ORDINAL:
        raise InvalidName(f"{ordinal} is not the ordinal of a role.")
    return f"{username}-r{ordinal}"


def username_of_role(role_name: str) -> str | None:
    """The user that a role of our own was made for, or None when the role is not ours."""
    found = _ROLE_NAME.fullmatch(role_name)
    if found is None or _taken_apart(found["username"]) is None:
        return None
    return found["username"]


def _taken_apart(name: str) -> re.Match[str] | None:
    found = _USERNAME.fullmatch(name)
    if found is None or len(found["who"]) > LONGEST_WHO or int(found["grant_id"]) > LARGEST_GRANT_ID:
        return None
    return found


def _slug(person: str) -> str:
    """What is readable of the person's name; the id, not this, makes the name unique."""
    plain = unicodedata.normalize("NFKD", person).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_WHO].strip("-") or "someone"
