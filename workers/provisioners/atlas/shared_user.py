"""One database user that we made under a name of somebody else's: what all the grants that need it come to.

Roles count wherever a user works, so that two grants may only share one if what both come to was approved for one of
them. Every write says the whole, and is made by whoever holds the user's row in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from accessrequests.domain.sharing import Share, canonical_address, overlap
from accessrequests.domain.window import parse_moment
from workers.provisioners.added_roles import NOT_KEPT, answered_for
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.atlas.users import (
    DESCRIPTION,
    POWERLESS,
    AtlasUser,
    Role,
    labelled,
    role_document,
    scopes_of,
    signs_in,
)
from workers.provisioners.base import GrantSpec, Held, ProvisionerError
from workers.provisioners.tag import Tagger

_GONE = "The user {} is no longer in the project."
_NOT_OURS = "A user named {} is in the project and our tag does not prove that it is ours. We did not touch it."
_TAKEN_OVER = "The user {} lost our tag. What we gave it was taken, and it stays: look at it in Atlas."
_MADE_MEANWHILE = "Somebody has just made a user named {}. We look again."
_TOO_MUCH = "Together with another access of {}, it would give {} on {}, which nobody approved: roles count wherever a user works."
_STILL_THERE = "The user {} still has what was given for this access. It is taken at the next try."
_END_NOT_KEPT = "The tag of the user {} does not say the later end. It is written again at the next try."
_UNPREPARED = "Nobody knows how it was before this access. It is looked up at the next try."
_BASELINE: Mapping[str, Any] = {"roles": [], "made_by": "us"}


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of the user at an end. `clusters`: where that must be carried out; none means all."""

    became: str
    clusters: frozenset[str]
    remains: tuple[str, ...] = ()
    looked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Whole:
    """What the user must be."""

    roles: frozenset[Role]
    clusters: frozenset[str]
    grant_id: int
    end: datetime


def is_made_by_us(baseline: Mapping[str, Any]) -> bool:
    return baseline.get("made_by") == "us"


@dataclass(frozen=True, slots=True)
class SharedUser:
    """A user by database and name."""

    project: AtlasProject
    tagger: Tagger
    database: str
    username: str

    @staticmethod
    def all_in(project: AtlasProject) -> Iterator[AtlasUser]:
        return (user for user in map(AtlasUser, project.users()) if user.is_vouched)

    def find(self) -> AtlasUser | None:
        try:
            return AtlasUser(self.project.user(self.database, self.username))
        except AtlasFailure as error:
            if error.gone:
                return None
            raise

    def prepare(self, held: Held, spec: GrantSpec) -> None:
        """The user is there and proven ours, and can do nothing on behalf of this grant yet."""
        held.fence()
        found = self.find()
        if held.baseline is None:
            held.capture(_BASELINE)
        self._check_shares(held, spec)
        if found is not None and not self._is_proven(found):
            raise ProvisionerError(_NOT_OURS.format(self.username), permanent=True)
        if spec.grant_id not in held.live:
            held.attempt(grant_id=spec.grant_id, wants=_wants(spec, roles=()))
        if found is not None:
            self._converge(held, found)
            return
        held.fence()
        try:
            # The call may land late, when all have ended: made so, it gives nothing. The PATCH that opens gives the
            # roles of all, and fails when the user is gone.
            powerless = replace(_whole(held), roles=POWERLESS)
            self.project.create_user({**self._body(powerless), **signs_in(spec)})
        except AtlasFailure as error:
            if error.exists:
                raise ProvisionerError(_MADE_MEANWHILE.format(self.username)) from error
            raise

    def open(self, held: Held, spec: GrantSpec, *, roles: frozenset[Role]) -> None:
        """One PATCH, which fails when the user is gone."""
        if held.baseline is None:
            raise ProvisionerError(_UNPREPARED)
        self._check_shares(held, spec)
        held.fence()
        found = self.find()
        if found is None:
            raise ProvisionerError(_GONE.format(self.username), permanent=True)
        if not self._is_proven(found):
            raise ProvisionerError(_NOT_OURS.format(self.username), permanent=True)
        held.attempt(grant_id=spec.grant_id, wants=_wants(spec, roles=roles))
        self._converge(held, found)
        if self.differs(held, self.find()):
            raise ProvisionerError(NOT_KEPT)

    def extend(self, held: Held, spec: GrantSpec) -> None:
        """Its tag says the latest end of all; read back.

        :raises ProvisionerError: when it does not, as where another write took it away. The next try writes it again.
        """
        known = held.live.get(spec.grant_id)
        found = self.find()
        if known is None or found is None or not self._is_proven(found):
            raise ProvisionerError(_GONE.format(self.username), permanent=True)
        held.attempt(grant_id=spec.grant_id, wants={**known, "until": spec.expires_at.isoformat()})
        self._converge(held, found)
        left = self.find()
        if left is None or not self._says(left, _whole(held)):
            raise ProvisionerError(_END_NOT_KEPT.format(self.username))

    def end(self, held: Held, spec: GrantSpec) -> Ended:
        """What only this grant needed is taken; with the last one goes the user. Read back."""
        held.end(grant_id=spec.grant_id)
        held.fence()
        found = self.find()
        if found is not None and self._is_proven(found):
            self._converge(held, found)
        elif found is not None:
            self._take_back(held, found)
        looked_at = held.fence()
        left = self.find()
        reached = found.cluster_names if found is not None else frozenset(spec.clusters)
        if left is None:
            return Ended("not in the project", reached, looked_at=looked_at)
        if not self._is_proven(left):
            remains = (_NOT_OURS.format(self.username),) if found is None else (_TAKEN_OVER.format(self.username),)
            is_clear = not (left.roles & _ended_only(held))
            return Ended("kept by another", reached, () if is_clear else remains, looked_at)
        if not held.live or self.differs(held, left):
            return Ended("still there", reached, (_STILL_THERE.format(self.username),), looked_at)
        return Ended("kept for other grants", reached, looked_at=looked_at)

    def settle(self, held: Held) -> bool:
        """Whether a late call has come, and is undone."""
        held.fence()
        found = self.find()
        if found is None or not self._is_proven(found) or not (self.differs(held, found) or not held.live):
            return False
        self._converge(held, found)
        return True

    def differs(self, held: Held, found: AtlasUser | None) -> list[str]:
        """In what it is other than what its grants come to."""
        if found is None:
            return ["user"]
        if not held.live:
            return ["roles"]
        whole = _whole(held)
        as_meant = {
            "tag": self._is_proven(found),
            "end": found.end is None,
            "roles": found.roles == whole.roles,
            "clusters": found.clusters == {f"CLUSTER:{name}" for name in whole.clusters},
        }
        return sorted(name for name, is_so in as_meant.items() if not is_so)

    def _converge(self, held: Held, found: AtlasUser) -> None:
        """Make it what its grants come to, which may be nothing at all."""
        if not held.live:
            held.fence()
            self._delete()
            return
        whole = _whole(held)
        if self._says(found, whole) and not self.differs(held, found):
            return
        held.fence()
        with answered_for(whole.roles - POWERLESS):
            self._change(self._body(whole))
            held.fence()

    def _says(self, user: AtlasUser, whole: _Whole) -> bool:
        """Whether its tag names the grant that lasts longest, and that one's end."""
        tag = user.proof(self.tagger)
        return tag is not None and (tag.grant_id, tag.end) == (whole.grant_id, whole.end)

    def _take_back(self, held: Held, found: AtlasUser) -> None:
        """Somebody made it their own: it loses what we gave, and nothing else."""
        given = _ended_only(held)
        if found.roles & given:
            left = (found.roles - given) or POWERLESS
            held.fence()
            self._change({"roles": [role_document(role) for role in sorted(left)]})

    def _delete(self) -> None:
        try:
            self.project.delete_user(self.database, self.username)
        except AtlasFailure as error:
            if not error.gone:
                raise

    def _change(self, body: Mapping[str, Any]) -> None:
        named = {"databaseName": self.database, "username": self.username, "groupId": self.project.project_id}
        try:
            self.project.change_user(self.database, self.username, {**named, **body})
        except AtlasFailure as error:
            if error.gone:
                raise ProvisionerError(_GONE.format(self.username), permanent=True) from error
            raise

    def _body(self, whole: _Whole) -> dict[str, Any]:
        return {
            "username": self.username,
            "roles": [role_document(role) for role in sorted(whole.roles)],
            "scopes": scopes_of(sorted(whole.clusters)),
            "description": DESCRIPTION.format(whole.grant_id),
            **labelled(self.database, self.username, tagger=self.tagger, grant_id=whole.grant_id, end=whole.end),
        }

    def _check_shares(self, held: Held, spec: GrantSpec) -> None:
        """:raises ProvisionerError: with another live grant it would come to more than was approved for either."""
        mine = _share(_wants(spec, roles=())["share"])
        for grant_id, wants in held.live.items():
            excess = overlap(mine, _share(wants["share"])) if grant_id != spec.grant_id else ()
            if excess:
                raise ProvisionerError(
                    _TOO_MUCH.format(self.username, excess[0].role, excess[0].cluster), permanent=True
                )

    def _is_proven(self, user: AtlasUser) -> bool:
        return user.proof(self.tagger) is not None


def _wants(spec: GrantSpec, *, roles: Iterable[Role]) -> dict[str, Any]:
    """`roles` are what the user has for it now, and `share` is all that was approved."""
    return {
        "roles": sorted(map(list, roles)),
        "until": spec.expires_at.isoformat(),
        "share": {
            "roles": sorted(f"{role.name}@{role.database}.{role.collection}".rstrip(".") for role in spec.roles),
            "clusters": sorted(spec.clusters),
            "addresses": sorted(map(canonical_address, spec.source_addresses)),
        },
    }


def _share(stored: Mapping[str, Any]) -> Share:
    return Share(frozenset(stored["roles"]), frozenset(stored["clusters"]), frozenset(stored["addresses"]))


def _roles(wants: Mapping[str, Any]) -> frozenset[Role]:
    return frozenset((name, database, collection) for name, database, collection in wants["roles"])


def _ended_only(held: Held) -> frozenset[Role]:
    """What grants that end were given, and no live one needs."""
    ended = frozenset[Role]().union(*map(_roles, held.ending.values()))
    return ended.difference(*map(_roles, held.live.values()))


def _whole(held: Held) -> _Whole:
    """Of all that live; the tag names the one that lasts longest. Those that are not open yet give nothing."""
    live = held.live
    opened = [wants for wants in live.values() if wants["roles"]] or list(live.values())
    scopes = [frozenset(wants["share"]["clusters"]) for wants in opened]
    grant_id, last = max(live.items(), key=lambda item: (parse_moment(item[1]["until"]), item[0]))
    return _Whole(
        roles=frozenset[Role]().union(*map(_roles, opened)) or POWERLESS,
        clusters=frozenset[str]().union(*scopes) if all(scopes) else frozenset(),
        grant_id=grant_id,
        end=parse_moment(last["until"]),
    )
