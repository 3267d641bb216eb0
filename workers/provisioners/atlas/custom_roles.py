"""Custom roles of our own in Atlas: one for each set of privileges, named by its content and shared by grants.

The name alone proves nothing, since anybody in the project may edit a role: its content is compared at each use.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from accessrequests.domain.atlas_actions import atlas_action
from accessrequests.domain.custom_roles import MOST_OF_ONE_USER, OURS, is_made_for_an_access
from accessrequests.domain.privileges import Privilege, RoleRef
from accessrequests.domain.sharing import SharedKind
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.atlas.project import AtlasProject, Document
from workers.provisioners.atlas.roles import ADMIN, built_in
from workers.provisioners.base import Busy, Evidence, GrantedRole, GrantSpec, Held, Ledger, ProvisionerError

TURN = "custom_roles"

_MOST_NAMES = 9
_NOTHING_TO_GIVE = "Atlas can allow nothing of {} in a role. Ask for another role, or for other actions."
_TOO_MANY = f"Atlas takes {MOST_OF_ONE_USER} custom roles for one user. Ask for fewer at a time."
_ALL_CHANGED = "Every role that we made for {} was changed by somebody. Have those that nobody uses removed."
_NOT_YET = "Atlas has not made the role {} yet."
_STILL_HELD = "The role {} still belongs to the user of this grant, who goes first."
_STILL_THERE = "The role {} is still there."
_IS_USED = "A grant has come to use the role {}."
_MAY_BE_ON_ITS_WAY = "A call may still be on its way, so we look at the custom roles once more."

# Atlas's name of each action with what it may be done on: (cluster, database, collection).
_Content = frozenset[tuple[str, bool, str, str]]


@dataclass(slots=True)
class _Releasing:
    """What became of the roles of a grant that ends."""

    facts: dict[str, str] = field(default_factory=dict)
    remains: list[str] = field(default_factory=list)
    is_waiting: bool = False


@dataclass(frozen=True, slots=True)
class CustomRoles:
    """The custom roles of one project. Steps may be repeated; every call has the urgency of `project`."""

    project: AtlasProject
    ledger: Ledger
    installation: str

    def ensure(self, spec: GrantSpec) -> dict[GrantedRole, str]:
        """The name of our own role for each of the grant's roles that needs one. It is there, with exactly that in it.

        One that somebody has changed is left alone, and another one is made.
        """
        wanted = own_roles(spec)
        if len({self.name_of(role.privileges) for role in wanted}) > MOST_OF_ONE_USER:
            raise ProvisionerError(_TOO_MANY, permanent=True)
        return {role: self._ensure(role, spec) for role in wanted}

    def given(self, spec: GrantSpec) -> dict[GrantedRole, str]:
        """The names that `ensure` gave last, as far as they are known. Nothing is asked of Atlas."""
        known = {}
        for role in own_roles(spec):
            with self.ledger.hold(SharedKind.CUSTOM_ROLE, self.name_of(role.privileges)) as held:
                known[role] = _names({**held.ending, **held.live}, spec)
        return {role: names[-1] for role, names in known.items() if names}

    def changed(self, spec: GrantSpec) -> list[str]:
        """Those of the grant's own roles that are not, or no longer, as approved: drift."""
        return [name for role in own_roles(spec) for name in self._changed(role, spec)]

    def release(self, spec: GrantSpec) -> Evidence:
        """After the user: remove what no other grant needs, and read back. A role that others hold by hand is named."""
        releasing = _Releasing()
        for role in own_roles(spec):
            base = self.name_of(role.privileges)
            with self.ledger.hold(SharedKind.CUSTOM_ROLE, base) as held:
                self._release(held, base, role, spec, releasing)
        return Evidence(
            done=not releasing.remains and not releasing.is_waiting,
            facts={"custom_roles": releasing.facts},
            remains=tuple(releasing.remains),
            waiting=_MAY_BE_ON_ITS_WAY if releasing.is_waiting else "",
        )

    def of_others(self) -> list[tuple[str, str]]:
        """Roles that are not, or no longer, named by what is in them, and how much that is."""
        found = [(role, str(role["roleName"])) for role in self.project.roles()]
        return [(name, _told(role)) for role, name in found if not self._is_ours(name, _content_in(role))]

    def strays(self) -> list[str]:
        """Roles that are named by what is in them, as we name them, and that no grant uses."""
        found = [(str(role["roleName"]), _content_in(role)) for role in self.project.roles()]
        uses = self.ledger.survey()
        ours = [name for name, content in found if self._is_ours(name, content)]
        return [name for name in ours if not uses.is_used(SharedKind.CUSTOM_ROLE, name)]

    def end_stray(self, name: str) -> Evidence:
        """Take it away, if it is still ours, nobody holds it, and no grant has come to use it; read back."""
        with self.ledger.hold(SharedKind.CUSTOM_ROLE, _base_of(name)) as held:
            if any(name in wants["names"] for wants in [*held.live.values(), *held.ending.values()]):
                return Evidence(done=False, facts={}, remains=(_IS_USED.format(name),))
            held.fence()
            found = self._role(name)
            fate = "gone"
            if found is not None:
                held.fence()
                holders = (
                    self._holders(name) if self._is_ours(name, _content_in(found)) else {"somebody who changed it"}
                )
                fate = f"kept, since {', '.join(sorted(holders))} has it" if holders else self._delete(held, name)
        remains = () if fate == "gone" else (_STILL_THERE.format(name),)
        return Evidence(done=not remains, facts={"custom_roles": {name: fate}}, remains=remains)

    def _is_ours(self, name: str, content: _Content | None) -> bool:
        return bool(content) and _base_of(name) == self._named(content or frozenset())

    def name_of(self, privileges: Iterable[Privilege]) -> str:
        """The same for the same privileges, and another one in each installation, so that none ends another's role."""
        return self._named(_content_of(privileges))

    def _named(self, content: _Content) -> str:
        said = json.dumps([self.installation, sorted(content)])
        return OURS + hashlib.sha256(said.encode()).hexdigest()[:20]

    def _ensure(self, role: GrantedRole, spec: GrantSpec) -> str:
        content = _content_of(role.privileges)
        if not content:
            raise ProvisionerError(_NOTHING_TO_GIVE.format(f"{role.name}@{role.database}"), permanent=True)
        base = self.name_of(role.privileges)
        with self.ledger.hold(SharedKind.CUSTOM_ROLE, base) as held:
            if held.baseline is None:
                held.capture({})
            name, is_there = self._choose(held, base, content)
            before = [known for known in _names(held.live, spec) if known != name]
            held.attempt(grant_id=spec.grant_id, wants={"names": [*before, name]})
            if not is_there:
                self._create(held, name, content)
        return name

    def _choose(self, held: Held, base: str, content: _Content) -> tuple[str, bool]:
        """The first name that is free, or has exactly this in it."""
        for name in _candidates(base):
            held.fence()
            found = self._role(name)
            if found is None or _content_in(found) == content:
                return name, found is not None
        raise ProvisionerError(_ALL_CHANGED.format(base))

    def _create(self, held: Held, name: str, content: _Content) -> None:
        with self.ledger.alone(TURN) as turn:
            held.fence()
            turn.fence()
            self.project.create_role({"roleName": name, "actions": _actions(content), "inheritedRoles": []})
        held.fence()
        made = self._role(name)
        if made is None or _content_in(made) != content:
            # It is made some time after Atlas has taken the call (202).
            raise Busy(_NOT_YET.format(name))

    def _changed(self, role: GrantedRole, spec: GrantSpec) -> list[str]:
        base = self.name_of(role.privileges)
        with self.ledger.hold(SharedKind.CUSTOM_ROLE, base) as held:
            name = (_names(held.live, spec) or [base])[-1]
            held.fence()
            found = self._role(name)
        return [] if found is not None and _content_in(found) == _content_of(role.privileges) else [name]

    def _release(self, held: Held, base: str, role: GrantedRole, spec: GrantSpec, releasing: _Releasing) -> None:
        others = {**held.live, **held.ending}
        mine = _names(others, spec)
        others.pop(spec.grant_id, None)
        is_used = held.end(grant_id=spec.grant_id)
        needed = {name for wants in others.values() for name in wants["names"]}
        fates = {name: self._fate(held, name, needed, spec) for name in mine or self._left_over(held, base, role)}
        looked_at = held.fence()
        for name, fate in fates.items():
            if fate == "gone" and self._role(name) is not None:
                fates[name] = ""
                releasing.remains.append(_STILL_THERE.format(name))
            elif not fate:
                releasing.remains.append(_STILL_HELD.format(name))
        releasing.facts |= {name: fate for name, fate in fates.items() if fate}
        if is_used and all(fates.values()) and held.gone(grant_id=spec.grant_id, looked_at=looked_at) is not None:
            releasing.is_waiting = True

    def _left_over(self, held: Held, base: str, role: GrantedRole) -> list[str]:
        """A role of that name which no grant uses: ours, if there is exactly that in it."""
        if held.live or held.ending:
            return []
        held.fence()
        found = self._role(base)
        return [base] if found is not None and _content_in(found) == _content_of(role.privileges) else []

    def _fate(self, held: Held, name: str, needed: set[str], spec: GrantSpec) -> str:
        """What becomes of one role. Nothing: the user of this grant still has it."""
        if name in needed:
            return "kept for other grants"
        held.fence()
        if self._role(name) is None:
            return "gone"
        held.fence()
        holders = self._holders(name)
        if spec.username in holders:
            return ""
        if holders:
            return f"kept, since {', '.join(sorted(holders))} has it by somebody's hand"
        return self._delete(held, name)

    def _delete(self, held: Held, name: str) -> str:
        with self.ledger.alone(TURN) as turn:
            held.fence()
            turn.fence()
            try:
                self.project.delete_role(name)
            except AtlasFailure as failure:
                if failure.in_use:
                    return "kept, since somebody has just given it by hand"
                if not failure.gone:
                    raise
        return "gone"

    def _holders(self, name: str) -> set[str]:
        """Atlas takes a role from whoever has another one besides without asking, so we look before."""
        users = {
            user["username"]
            for user in self.project.users()
            if any(role["roleName"] == name and role["databaseName"] == ADMIN for role in user["roles"])
        }
        roles = {
            role["roleName"]
            for role in self.project.roles()
            if any(parent["role"] == name for parent in role.get("inheritedRoles") or [])
        }
        return users | roles

    def _role(self, name: str) -> Document | None:
        try:
            return self.project.role(name)
        except AtlasFailure as failure:
            if failure.gone:
                return None
            raise


def own_roles(spec: GrantSpec) -> list[GrantedRole]:
    """Those for which Atlas has no role that it could give as it is."""
    return [role for role in spec.roles if _needs_own_role(role)]


def _needs_own_role(role: GrantedRole) -> bool:
    """A built-in role on a whole database, one that takes a collection, or one of the project's own needs none."""
    is_known = role.database == ADMIN or f"{role.name}@{role.database}" in built_in([role.database])
    return is_made_for_an_access(RoleRef(role.name, role.database, role.collection)) or not is_known


def _told(role: Document) -> str:
    actions, inherited = role.get("actions") or [], role.get("inheritedRoles") or []
    parents = f" and what {', '.join(parent['role'] for parent in inherited)} can" if inherited else ""
    return f"{len(actions)} action{'' if len(actions) == 1 else 's'}{parents}"[:300]


def _base_of(name: str) -> str:
    """Without the number that another one of the same content was given."""
    return "-".join(name.split("-")[:2])


def _candidates(base: str) -> Sequence[str]:
    return [base, *(f"{base}-{number}" for number in range(2, _MOST_NAMES + 1))]


def _names(wants: Mapping[int, Mapping[str, Any]], spec: GrantSpec) -> list[str]:
    """Every role that was made or used for the grant; the last is the one that it has."""
    return list(wants.get(spec.grant_id, {}).get("names", []))


def _content_of(privileges: Iterable[Privilege]) -> _Content:
    """What of it a custom role can hold."""
    named = (
        (atlas_action(action, privilege.resource), privilege.resource)
        for privilege in privileges
        for action in privilege.actions
    )
    return frozenset(
        (action, resource.cluster, resource.database, resource.collection)
        for action, resource in named
        if action is not None
    )


def _content_in(role: Document) -> _Content | None:
    """What a role in Atlas holds; None where it inherits, since that may become something else at any time."""
    if role.get("inheritedRoles"):
        return None
    return frozenset(
        (action["action"], True, "", "")
        if resource.get("cluster")
        else (action["action"], False, resource.get("db", ""), resource.get("collection", ""))
        for action in role.get("actions") or []
        for resource in action.get("resources") or []
    )


def _actions(content: _Content) -> list[Document]:
    """As Atlas takes it: each action once, with all that it may be done on (schema UserCustomDBRole)."""
    resources: dict[str, list[Document]] = {}
    for action, cluster, database, collection in sorted(content):
        resources.setdefault(action, []).append({"cluster": cluster, "db": database, "collection": collection})
    return [{"action": action, "resources": where} for action, where in resources.items()]
