"""The provisioner of self-managed MongoDB: temporary database users in `admin`, which log in by SCRAM-SHA-256."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from pymongo.errors import OperationFailure, WTimeoutError

from accessrequests.domain import naming
from accessrequests.domain.diagnosis import Diagnosis
from accessrequests.domain.usage import Login
from workers.provisioners.base import (
    Capabilities,
    Evidence,
    GrantSpec,
    Health,
    InventorySnapshot,
    Owned,
    ProvisionerError,
    Readiness,
    RoleChange,
)
from workers.provisioners.connection_record import SCRAM, ConnectionRecord
from workers.provisioners.mongodb import doctor, health, inventory, readiness
from workers.provisioners.mongodb.accounts import (
    NOBODY,
    TAG_FIELD,
    Account,
    Moment,
    accounts_after,
    find_accounts,
    is_kit,
    networks,
    principal_of,
    restrictions,
    tag_data,
)
from workers.provisioners.mongodb.ending import Ending, end_everything
from workers.provisioners.mongodb.failures import USER_EXISTS, USER_NOT_FOUND, step
from workers.provisioners.mongodb.roles import (
    drop_role,
    ensure_role,
    find_roles,
    granted_roles,
    own_roles,
    role_documents,
    roles_made_for,
)
from workers.provisioners.mongodb.servers import USERS_DATABASE, Document, Servers, change
from workers.provisioners.tag import Tagger

# An ending has to end what runs as well, in the same few seconds.
_PATIENCE = 1.5
# Of a step's few: where each order takes long, those that are left are for the next call.
_SECONDS_FOR_MANY = 2.0
_UNCONFIRMED = "Too few members have confirmed the end, so it could still be lost. They are asked again."
_NO_CUSTOM_ROLES = "The role {} is one of a server of your own. Change it there."
_NOT_OURS = "A user named {} is on the target and our tag does not prove that it is ours. We did not touch it."


class MongoDBProvisioner:
    """See `workers.provisioners.base.Provisioner` for what each step promises."""

    capabilities = Capabilities(
        native_expiry=False,
        network_gate=True,
        session_kill=True,
        evidence=False,
        authentication=frozenset({"scram"}),
    )

    def __init__(
        self, *, record: ConnectionRecord, tagger: Tagger, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._tagger = tagger
        self._wall_clock = wall_clock
        self._servers = Servers(record)
        self._own = principal_of(record.username)

    @property
    def servers(self) -> Servers:
        """For what else is granted there, over the same connections."""
        return self._servers

    def reach(self) -> None:
        """Raises what the driver raises when the target does not answer; every step begins with it."""
        self._admin.command("ping")

    @step("prepare the user")
    def prepare(self, spec: GrantSpec) -> None:
        """A user without roles, which only this worker may log in as, and roles that nobody holds yet."""
        self._check_spec(spec)
        powerless: Document = {
            "pwd": spec.password,
            "roles": [],
            "mechanisms": [SCRAM],
            "authenticationRestrictions": restrictions([self._servers.own_address()]),
            "customData": tag_data(self._tagger, spec=spec),
        }
        try:
            self._change("createUser", spec, **powerless)
            is_new = True
        except OperationFailure as error:
            if error.code != USER_EXISTS:
                raise
            is_new = False
        if not is_new:
            self._own_account(spec)
            if readiness.look(self._servers.main, tagger=self._tagger, spec=spec).exact:
                # Opened already by an attempt whose end was lost. A late repeat must not take it away again.
                return
            self._change("updateUser", spec, **powerless)
        for role in own_roles(spec):
            ensure_role(self._servers.main, role, username=spec.username)
        somewhere = spec.roles[0]
        self._servers.probe(
            username=spec.username,
            password=spec.password,
            database=somewhere.database,
            collection=somewhere.collection or "access_requests_probe",
        )

    @step("open the access")
    def open(self, spec: GrantSpec) -> None:
        """One command gives roles, real addresses and end together; it fails when the user is gone."""
        self._own_account(spec)
        self._change(
            "updateUser",
            spec,
            roles=role_documents(granted_roles(spec)),
            authenticationRestrictions=restrictions(sorted(networks(spec.source_addresses))),
            customData=tag_data(self._tagger, spec=spec),
        )

    @step("move the end")
    def extend(self, spec: GrantSpec) -> None:
        """The end in its tag and nothing else, by a command that fails when the user is gone."""
        self._own_account(spec)
        self._change("updateUser", spec, customData=tag_data(self._tagger, spec=spec))

    def rearm(self, spec: GrantSpec) -> None:
        """A mongod keeps no end of its own."""

    @step("read back the access")
    def readiness(self, spec: GrantSpec) -> Readiness:
        return readiness.look(self._servers.main, tagger=self._tagger, spec=spec)

    @step("look at the access")
    def diagnose(self, spec: GrantSpec) -> Diagnosis:
        return doctor.diagnose(self._servers.main, spec)

    def logins(self, spec: GrantSpec, *, since: datetime, until: datetime) -> Sequence[Login]:
        """A mongod writes them to its own log, which is not ours to read."""
        return ()

    @step("give the user its new password")
    def rotate(self, spec: GrantSpec) -> None:
        self._own_account(spec)
        self._change("updateUser", spec, pwd=spec.password, mechanisms=[SCRAM])

    def not_carried_out(self, spec: GrantSpec) -> str:
        """What a majority of the members has written down is carried out."""
        return ""

    def certificate(self, spec: GrantSpec) -> str:
        raise ProvisionerError(f"{spec.username} signs in with its password.", permanent=True)

    @step("cut the access")
    def cut(self, specs: Sequence[GrantSpec]) -> list[Evidence]:
        """Power and login first, for as many of them as there is time for; then whatever still runs, on every member."""
        accounts = self._accounts(specs)
        ours = {
            spec.username
            for spec in specs
            if spec.username not in accounts or self._is_ours_to_end(accounts[spec.username], spec)
        }
        nobody = restrictions([NOBODY])
        there = [spec.username for spec in specs if spec.username in ours & accounts.keys()]
        confirmed = self._end("updateUser", there, roles=[], authenticationRestrictions=nobody)
        # What runs is ended also where too few members are there to confirm anything.
        ending = end_everything(self._servers, usernames=sorted(ours), after=self._now())
        held = {account.username: account for account in self._held(ours, confirmed=confirmed)}
        return [
            self._cut_evidence(spec, held.get(spec.username), ending, confirmed=confirmed)
            if spec.username in ours
            else _not_ours(spec)
            for spec in specs
        ]

    @step("clean up after the access")
    def clean(self, spec: GrantSpec) -> Evidence:
        """Drop the user, end what still runs, drop its roles, and look for it by exact name, tag and name pattern."""
        account = self._accounts([spec]).get(spec.username)
        if account is not None and not self._is_ours_to_end(account, spec):
            return _not_ours(spec)
        confirmed = self._end("dropUser", [spec.username])
        ending = end_everything(self._servers, usernames=[spec.username], after=self._now())
        remains = ending.remains(spec.username)
        for name, database in roles_made_for(self._servers.main, spec.username):
            remains += drop_role(self._servers.main, name, database)
        left = roles_made_for(self._servers.main, spec.username)
        users = self._find({"$or": [{"user": spec.username}, self._claims(spec)]})
        is_there = any(user.shown == spec.username for user in users)
        if not confirmed:
            remains.append(_UNCONFIRMED)
        elif is_there:
            remains.append(f"The user {spec.username} was made again meanwhile. It is dropped at the next try.")
        done = not (remains or left)
        # Carries our tag or name without proof: named for a person to look at, never ended by us.
        remains += [_NOT_OURS.format(user.shown) for user in users if user.shown != spec.username]
        facts = {"users": int(is_there), "roles": len(left), **ending.facts(spec.username)}
        return Evidence(done=done, facts=facts, remains=tuple(remains))

    @step("list our users and roles")
    def list_ours(self) -> Iterable[Owned]:
        ours = {"$regex": f"^{naming.PREFIX}-{re.escape(self._tagger.installation)}-"}
        tagged = {f"customData.{TAG_FIELD}.installation": self._tagger.installation}
        owned = {account.shown: self._owned(account) for account in self._find({"$or": [tagged, {"user": ours}]})}
        for name, _database in find_roles(self._servers.main, where={"role": ours}):
            username = naming.username_of_role(name)
            if username is not None and username not in owned:
                owned[username] = Owned(username, self._grant_named(username), None, proven=False, powerless=True)
        return list(owned.values())

    @step("check the target")
    def check(self) -> Health:
        return health.check(self._servers, wall_clock=self._wall_clock)

    @step("read the target's inventory")
    def read_inventory(self) -> InventorySnapshot:
        kit = functools.partial(is_kit, tagger=self._tagger)
        return inventory.read(self._servers.main, own=self._own, is_ours=self._looks_like_ours, is_kit=kit)

    def change_role(self, change: RoleChange) -> None:
        raise ProvisionerError(_NO_CUSTOM_ROLES.format(change.name), permanent=True)

    def close(self) -> None:
        self._servers.close()

    @property
    def _admin(self) -> Any:
        return self._servers.main[USERS_DATABASE]

    def _check_spec(self, spec: GrantSpec) -> None:
        named = naming.grant_id_of(spec.username, installation=self._tagger.installation)
        if named != spec.grant_id or not spec.password or not spec.roles or spec.authentication != "scram":
            raise ProvisionerError("This grant is not one that MongoDB users can be made of.", permanent=True)

    def _find(self, where: Document) -> list[Account]:
        return find_accounts(self._servers.main, where=where)

    def _accounts(self, specs: Sequence[GrantSpec]) -> dict[str, Account]:
        """As the member that takes writes has them now: a user that too few others have heard of is there all the same."""
        found = accounts_after(self._servers.main, usernames=[spec.username for spec in specs], moment=None)
        return {account.username: account for account in found}

    def _is_proven(self, account: Account, spec: GrantSpec) -> bool:
        tag = account.proof(self._tagger)
        return tag is not None and tag.grant_id == spec.grant_id

    def _is_ours_to_end(self, account: Account, spec: GrantSpec) -> bool:
        """Also without its tag, when the target once confirmed it: taking the tag off must not make access last."""
        return self._is_proven(account, spec) or (spec.was_confirmed and account.proof(self._tagger) is None)

    def _own_account(self, spec: GrantSpec) -> Account:
        """The user as it is now.

        :raises ProvisionerError: it is gone, or a user of that name exists that our tag does not prove to be ours.
        """
        account = self._accounts([spec]).get(spec.username)
        if account is None:
            raise ProvisionerError("The user is no longer on the target.", permanent=True)
        if not self._is_proven(account, spec):
            raise ProvisionerError(_NOT_OURS.format(spec.username), permanent=True)
        return account

    def _change(self, command: str, spec: GrantSpec, **values: Any) -> None:
        change(self._servers.main, command, spec.username, database=USERS_DATABASE, **values)

    def _end(self, command: str, usernames: Sequence[str], **values: Any) -> bool:
        """Take something from each, gone already or not; the last waits for the majority, also for those before it.

        Returns whether the majority has confirmed it; the member that takes writes has it in any case. The last is the
        one at which the time is over: whoever comes after it is found as before.
        """
        main, until = self._servers.main, time.monotonic() + _SECONDS_FOR_MANY
        try:
            for number, username in enumerate(usernames, start=1):
                is_last = number == len(usernames) or time.monotonic() > until
                try:
                    change(
                        main, command, username, database=USERS_DATABASE, patience=_PATIENCE if is_last else 0, **values
                    )
                except OperationFailure as error:
                    if error.code != USER_NOT_FOUND:
                        raise
                if is_last:
                    break
        except WTimeoutError:
            return False
        return True

    def _held(self, usernames: Collection[str], *, confirmed: bool) -> list[Account]:
        level = "majority" if confirmed else "local"
        return accounts_after(self._servers.main, usernames=list(usernames), moment=self._now(), level=level)

    def _now(self) -> Moment | None:
        """Where the log of the member that takes writes stands: everything that we did is before it."""
        return Moment.of(self._admin.command("ping"))

    def _claims(self, spec: GrantSpec) -> Document:
        """What a tag of this grant says, proven or not."""
        said = {"installation": self._tagger.installation, "grant": str(spec.grant_id)}
        return {f"customData.{TAG_FIELD}.{name}": value for name, value in said.items()}

    def _grant_named(self, username: str) -> int | None:
        return naming.grant_id_of(username, installation=self._tagger.installation)

    def _looks_like_ours(self, name: str) -> bool:
        return naming.looks_like_ours(name, installation=self._tagger.installation)

    def _cut_evidence(self, spec: GrantSpec, account: Account | None, ending: Ending, *, confirmed: bool) -> Evidence:
        remains = ending.remains(spec.username)
        if not confirmed:
            remains.append(_UNCONFIRMED)
        refused = account is None or account.sources == networks([NOBODY])
        if not refused or (account and account.roles):
            remains.append("It still has its power, or has it again. It is taken at the next try.")
        facts = {
            "login": "refused" if refused else "allowed",
            "roles": len(account.roles) if account else 0,
            **ending.facts(spec.username),
        }
        return Evidence(done=not remains, facts=facts, remains=tuple(remains))

    def _owned(self, account: Account) -> Owned:
        tag = account.proof(self._tagger)
        return Owned(
            username=account.shown,
            grant_id=tag.grant_id if tag else self._grant_named(account.username),
            expires_at=tag.end if tag else None,
            proven=tag is not None,
            powerless=not account.roles,
        )


def _not_ours(spec: GrantSpec) -> Evidence:
    return Evidence(done=False, facts={"not_ours": 1}, remains=(_NOT_OURS.format(spec.username),))
