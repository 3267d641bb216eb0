"""The database user of a grant on Atlas: made without power and for a few minutes, opened by one PATCH, deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from accessrequests.domain import external, naming
from accessrequests.domain.external import ADMIN, EXTERNAL
from accessrequests.domain.kinds import AWS_IAM, CERTIFICATES, KINDS, LDAP, OIDC, SCRAM, X509, X509_MANAGED
from workers.provisioners.base import GrantedRole, GrantSpec, Owned
from workers.provisioners.kit_keeper import KitSpec
from workers.provisioners.tag import Tag, Tagger

DESCRIPTION = "Access Requests grant {}"
# Atlas takes no user without a role. Nothing is in this database, and nothing can be made there with `read`.
POWERLESS_DATABASE = "access_requests_powerless"
# A call that arrives after everybody has given up makes a user that is gone by itself soon, and has no power.
POWERLESS_FOR = timedelta(minutes=15)
LONGEST_SHOWN = 255
LONGEST_NATIVE = KINDS["atlas"].furthest_end or timedelta()

_LABEL = "access-requests-{}"
_KIT_LABEL = "access-requests-kit-{}"
_KIT_TAG = ("installation", "mac")
_TAG = ("installation", "grant", "end", "mac")
_X509 = "x509Type"
_AWS, _LDAP, _OIDC = "awsIAMType", "ldapAuthType", "oidcAuthType"
_METHODS: Mapping[tuple[str, str], str] = {
    (_X509, "CUSTOMER"): X509,
    (_X509, "MANAGED"): X509_MANAGED,
    (_AWS, "USER"): AWS_IAM,
    (_AWS, "ROLE"): AWS_IAM,
    (_LDAP, "USER"): LDAP,
    (_LDAP, "GROUP"): LDAP,
    (_OIDC, "USER"): OIDC,
    (_OIDC, "IDP_GROUP"): OIDC,
}
_FIELDS = (_AWS, _LDAP, _OIDC, _X509)

Role = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class AtlasUser:
    """A database user as Atlas describes it."""

    document: Mapping[str, Any]

    @property
    def username(self) -> str:
        return str(self.document["username"])

    @property
    def principal(self) -> str:
        return principal_of(self.username, str(self.document["databaseName"]))

    @property
    def at(self) -> str:
        """As people name it: name@database."""
        return f"{self.username}@{self.document['databaseName']}"

    @property
    def role_names(self) -> list[str]:
        """As one would ask for them: read@shop.orders."""
        return sorted(f"{name}@{database}.{collection}".rstrip(".") for name, database, collection in self.roles)

    @property
    def is_labelled(self) -> bool:
        """Whether it says that an installation of this product made it."""
        return _LABEL.format("installation") in self.labels

    @property
    def is_labelled_kit(self) -> bool:
        """Whether it says that it is the user of an offline kit."""
        return _KIT_LABEL.format("installation") in self.labels

    def is_kit(self, tagger: Tagger) -> bool:
        """Whether it is, as our tag proves."""
        labels = self.labels
        tag = {name: labels.get(_KIT_LABEL.format(name)) for name in _KIT_TAG}
        return tagger.proves_kit(tag, principal=self.principal)

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(
            (role["roleName"], role["databaseName"], role.get("collectionName") or "")
            for role in self.document["roles"]
        )

    @property
    def clusters(self) -> frozenset[str]:
        return frozenset(f"{scope['type']}:{scope['name']}" for scope in self.document.get("scopes") or [])

    @property
    def cluster_names(self) -> frozenset[str]:
        """Those that it is scoped to; none means every one."""
        return frozenset(scope["name"] for scope in self.document.get("scopes") or [] if scope["type"] == "CLUSTER")

    @property
    def labels(self) -> dict[str, str]:
        return {label["key"]: label["value"] for label in self.document.get("labels") or []}

    @property
    def end(self) -> datetime | None:
        """When Atlas deletes it by itself; None: never."""
        said = self.document.get("deleteAfterDate")
        return datetime.fromisoformat(said) if said else None

    @property
    def name(self) -> tuple[str, str]:
        """By which Atlas knows it: its database, and its name there."""
        return str(self.document["databaseName"]), self.username

    @property
    def authentication(self) -> str:
        """How it signs in, of the ways that we know; empty for any other."""
        said = [(field, self.document.get(field, "NONE")) for field in _FIELDS]
        others = [one for one in said if one[1] != "NONE"]
        if len(others) == 1:
            return _METHODS.get(others[0], "")
        return "" if others else SCRAM

    @property
    def is_vouched(self) -> bool:
        """Whether its name is one that somebody else gave."""
        return self.authentication in external.METHODS

    @property
    def is_scram(self) -> bool:
        return self.authentication == SCRAM

    @property
    def has_our_organization(self) -> bool:
        """Whether a certificate of our authority could be taken for this user's: better too often than not."""
        return self.document.get(_X509, "NONE") != "NONE" and naming.ORGANIZATION in self.username.casefold()

    @property
    def grant_username(self) -> str:
        """As the grant has it, which for a certificate is the common name of its subject."""
        return naming.named_in_subject(self.username) or self.username

    def proof(self, tagger: Tagger) -> Tag | None:
        """What its tag says, when the tag is ours and fits this very user."""
        labels = self.labels
        return tagger.verify({name: labels.get(_LABEL.format(name)) for name in _TAG}, principal=self.principal)

    def owned(self, tagger: Tagger) -> Owned:
        tag = self.proof(tagger)
        named = naming.grant_id_of(self.grant_username, installation=tagger.installation)
        return Owned(
            username=self.username[:LONGEST_SHOWN] if self.is_vouched else self.grant_username,
            principal=self.at if self.is_vouched else "",
            authentication=self.authentication or SCRAM,
            grant_id=tag.grant_id if tag else named,
            expires_at=tag.end if tag else None,
            proven=tag is not None,
            powerless=self.roles == POWERLESS,
        )


def is_ours(user: AtlasUser, tagger: Tagger) -> bool:
    """By its label or by its name; neither proves anything yet."""
    labelled = user.labels.get(_LABEL.format("installation")) == tagger.installation
    return labelled or naming.looks_like_ours(user.grant_username, installation=tagger.installation)


def principal_of(username: str, database: str = ADMIN) -> str:
    return f"{database}.{username}"


def name_of(spec: GrantSpec) -> tuple[str, str]:
    """Database and name of the grant's user on Atlas."""
    if spec.is_vouched:
        username, _, database = spec.principal.rpartition("@")
        return database, username
    if spec.authentication in CERTIFICATES:
        return EXTERNAL, naming.certified(spec.username, spec.authentication)
    return ADMIN, spec.username


def role_of(role: GrantedRole) -> Role:
    return role.name, role.database, role.collection


def has_native_end(spec: GrantSpec) -> bool:
    """Whether Atlas deletes such a user by itself at a given date."""
    return spec.authentication in KINDS["atlas"].expiring


def native_end(spec: GrantSpec, *, at: datetime) -> datetime:
    """When Atlas shall delete the user by itself: at the grant's end, or as late as Atlas allows if that comes first."""
    return min(whole_seconds(spec.expires_at), whole_seconds(at + LONGEST_NATIVE))


def whole_seconds(moment: datetime) -> datetime:
    """The first whole second that is not before: Atlas cuts off what is behind it (deleteAfterDate)."""
    floor = moment.replace(microsecond=0)
    return floor if floor == moment else floor + timedelta(seconds=1)


def spelled(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def powerless_body(spec: GrantSpec, *, tagger: Tagger, at: datetime) -> dict[str, Any]:
    """What is created: it may log in with its password, and do nothing. With a certificate it cannot log in yet."""
    until = min(native_end(spec, at=at), whole_seconds(at + POWERLESS_FOR))
    return {**_described(spec, roles=POWERLESS, until=until, tagger=tagger), **signs_in(spec)}


def signs_in(spec: GrantSpec) -> dict[str, str]:
    """What a new user is told to be known by (schema CloudDatabaseUser)."""
    database, username = name_of(spec)
    is_group = external.is_group(spec.authentication, spec.principal)
    known_by = {
        SCRAM: {"password": spec.password},
        X509: {_X509: "CUSTOMER"},
        X509_MANAGED: {_X509: "MANAGED"},
        AWS_IAM: {_AWS: "USER" if ":user/" in username else "ROLE"},
        LDAP: {_LDAP: "GROUP" if is_group else "USER"},
        OIDC: {_OIDC: "IDP_GROUP" if is_group else "USER"},
    }
    return {"databaseName": database, **known_by[spec.authentication]}


def open_body(spec: GrantSpec, *, roles: Iterable[Role], tagger: Tagger, at: datetime) -> dict[str, Any]:
    """What opens it, as a change of a user that must be there."""
    return _described(spec, roles=roles, until=native_end(spec, at=at), tagger=tagger)


def end_body(spec: GrantSpec, *, tagger: Tagger, at: datetime) -> dict[str, Any]:
    """What moves its end, as a change of a user that must be there: all labels, since Atlas keeps none that is not said."""
    return _ending(spec, until=native_end(spec, at=at), tagger=tagger)


def _ending(spec: GrantSpec, *, until: datetime, tagger: Tagger) -> dict[str, Any]:
    database, username = name_of(spec)
    # Atlas refuses a date for users with a certificate (ATLAS_X509_USER_CANNOT_BE_TEMPORARY).
    end = {"deleteAfterDate": spelled(until)} if has_native_end(spec) else {}
    return {**labelled(database, username, tagger=tagger, grant_id=spec.grant_id, end=spec.expires_at), **end}


def _described(spec: GrantSpec, *, roles: Iterable[Role], until: datetime, tagger: Tagger) -> dict[str, Any]:
    database, username = name_of(spec)
    return {
        "databaseName": database,
        "username": username,
        "roles": [role_document(role) for role in sorted(roles)],
        "scopes": scopes_of(spec.clusters),
        "description": DESCRIPTION.format(spec.grant_id),
        **_ending(spec, until=until, tagger=tagger),
    }


def labelled(database: str, username: str, *, tagger: Tagger, grant_id: int, end: datetime) -> dict[str, Any]:
    """Whose it is, for machines."""
    tag = tagger.make(principal=principal_of(username, database), grant_id=grant_id, end=end)
    return {"labels": [{"key": _LABEL.format(name), "value": tag[name]} for name in _TAG]}


def kit_body(kit: KitSpec, *, tagger: Tagger) -> dict[str, Any]:
    """The user of an offline kit: on every cluster, without an end."""
    tag = tagger.make_kit(principal=principal_of(kit.username))
    return {
        "databaseName": ADMIN,
        "username": kit.username,
        "password": kit.password,
        "roles": [role_document(kit_role(role)) for role in kit.roles],
        "scopes": [],
        "description": "Access Requests offline kit",
        "labels": [{"key": _KIT_LABEL.format(name), "value": tag[name]} for name in _KIT_TAG],
    }


def kit_role(role: str) -> Role:
    name, _, database = role.partition("@")
    return name, database, ""


def scopes_of(clusters: Iterable[str]) -> list[dict[str, str]]:
    return [{"name": cluster, "type": "CLUSTER"} for cluster in clusters]


def role_document(role: Role) -> dict[str, str]:
    name, database, collection = role
    return {"roleName": name, "databaseName": database, **({"collectionName": collection} if collection else {})}


POWERLESS: frozenset[Role] = frozenset({("read", POWERLESS_DATABASE, "")})
