"""The network gate of Atlas: entries of a project's access list, which grants share and which others may have made.

An entry is ours while it has our comment and a date. All others are used and never owned: they are not changed, not
even when they stand where we would make one, and they outlast our grants. Making an entry that is there rewrites its
date and comment (custom of POST accessList), so each write follows a look, under the lease of the entry's row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from accessrequests.domain.sharing import InvalidAddress, SharedKind, canonical_address
from accessrequests.domain.window import parse_moment
from accessrequests.domain.wording import moment
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.atlas.project import AtlasProject, Document
from workers.provisioners.base import Evidence, GrantSpec, Held, Ledger, Proof, ProvisionerError

# What is not opened yet lapses by itself, soon.
UNOPENED = timedelta(minutes=15)
# A date must be less than seven days ahead by Atlas's own clock; what lasts longer is moved on day by day.
LONGEST = timedelta(days=7) - timedelta(minutes=5)
ROLLING = timedelta(hours=24)
# Dates are moved on each hour; one that is further behind than this was moved back by somebody.
SLACK = timedelta(hours=2)
TURN = "access_list"

_PERMANENT = "PERMANENT_ENTITY_CANNOT_BE_MADE_TEMPORARY"
_NO_LONGER_THERE = "The entry for {} is no longer on the access list."
_MADE_MEANWHILE = "Somebody has just made a permanent entry for {}. We look again."
_TOO_SHORT = "Somebody else's entry for {} ends on {}, before this access does. Have it removed or made permanent, and ask again."
_LAPSED = "Somebody else's entry for {} has ended, and Atlas has not removed it yet."
_OTHERWISE = "Atlas holds the entry for {} otherwise than we wrote it."
_STILL_THERE = "The entry for {} is still on the access list."
_NOT_BROUGHT = "Atlas has not brought the address {} to the clusters yet."
_IS_USED = "A grant has come to use the entry for {}."
_MAY_BE_ON_ITS_WAY = "A call may still be on its way, so we look at the access list once more."


@dataclass(frozen=True, slots=True)
class NetworkLook:
    """What the access list says of the addresses of a grant."""

    proof: Proof
    exact: bool
    evidence: Mapping[str, Any]
    waiting: str = ""
    ends_early: bool = False


@dataclass(frozen=True, slots=True)
class _Entry:
    comment: str
    until: datetime | None


@dataclass(slots=True)
class _Closing:
    """What became of the entries of a grant that ends."""

    facts: dict[str, str] = field(default_factory=dict)
    remains: list[str] = field(default_factory=list)
    is_waiting: bool = False


@dataclass(frozen=True, slots=True)
class AccessList:
    """The access list of one project. Steps may be repeated; every call has the urgency of `project`."""

    project: AtlasProject
    ledger: Ledger
    installation: str

    @property
    def comment(self) -> str:
        """It cannot name a grant, since several may share the entry. At most 80 characters (accessList, `comment`)."""
        return f"access-requests {self.installation}"

    def prepare(self, spec: GrantSpec) -> None:
        """Entries that lapse soon. One that was opened already is left as it is: a late repeat takes nothing away."""
        for block in _blocks(spec):
            with self.ledger.hold(SharedKind.ACCESS_LIST_ENTRY, block) as held:
                known = held.live.get(spec.grant_id)
                most = UNOPENED if known is None else timedelta(seconds=known["most"])
                self._arm(held, block, spec, most=most, may_make=True)

    def arm(self, spec: GrantSpec) -> None:
        """Entries until the grant's end, or a day ahead for one that is further than Atlas takes: arm again in time.

        To open, to extend and to move on. Fails when an entry is gone: nothing is made again by this.
        """
        for block in _blocks(spec):
            with self.ledger.hold(SharedKind.ACCESS_LIST_ENTRY, block) as held:
                is_far = spec.expires_at - held.fence() >= LONGEST
                known = held.live.get(spec.grant_id, {}).get("most")
                rolls = is_far or known == ROLLING.total_seconds()
                self._arm(held, block, spec, most=ROLLING if rolls else LONGEST, may_make=False)

    @contextmanager
    def armed(self, spec: GrantSpec) -> Iterator[None]:
        """Entries that are armed while the rest is opened. When that fails they lapse soon again."""
        try:
            self.arm(spec)
            yield
        except ProvisionerError:
            # What made it fail is what counts; an entry that stays open is closed with the grant, at the latest.
            with suppress(ProvisionerError):
                self._disarm(spec)
            raise

    def look(self, spec: GrantSpec) -> NetworkLook:
        """Each entry as it is. PENDING is for the caller to look again: nothing here waits."""
        evidence: dict[str, Any] = {}
        exact, pending, ends_early = True, list[str](), False
        for block in _blocks(spec):
            with self.ledger.hold(SharedKind.ACCESS_LIST_ENTRY, block) as held:
                now = held.fence()
                found = self._entry(block)
                exact = exact and found is not None and self._is_as_meant(found, held, spec, now)
                ends_early = ends_early or (found is not None and self._ends_early(found, held, now))
            status = self._status(block) if found else "GONE"
            if status == "FAILED":
                raise ProvisionerError(f"Atlas could not bring the entry for {block} to the clusters.")
            if status != "ACTIVE":
                pending.append(block)
            evidence[block] = {"status": status, **(self._told(found) if found else {})}
        if not evidence:
            return NetworkLook(Proof.NOT_PROVABLE, exact=True, evidence={"entries": {}})
        proof = Proof.NOT_YET if pending else Proof.READ_BACK
        waiting = _NOT_BROUGHT.format(" and ".join(pending)) if pending else ""
        return NetworkLook(proof, exact=exact, evidence={"entries": evidence}, waiting=waiting, ends_early=ends_early)

    def close(self, spec: GrantSpec) -> Evidence:
        """Take the grant's part in each entry away, as far as nothing else needs it, and read back."""
        closing = _Closing()
        for block in _blocks(spec):
            with self.ledger.hold(SharedKind.ACCESS_LIST_ENTRY, block) as held:
                self._close(held, block, spec, closing)
        return Evidence(
            done=not closing.remains and not closing.is_waiting,
            facts={"entries": closing.facts},
            remains=tuple(closing.remains),
            waiting=_MAY_BE_ON_ITS_WAY if closing.is_waiting else "",
        )

    def _disarm(self, spec: GrantSpec) -> None:
        for block in _blocks(spec):
            with self.ledger.hold(SharedKind.ACCESS_LIST_ENTRY, block) as held:
                self._arm(held, block, spec, most=UNOPENED, may_make=False)

    def of_others(self) -> list[tuple[str, str]]:
        """Entries that are not, or no longer, ours: what they let in, and their comment."""
        found = [(entry, _entry_of(entry)) for entry in self.project.entries()]
        return [(_let_in(document), entry.comment) for document, entry in found if not self._is_ours(entry)]

    def strays(self) -> list[str]:
        """Entries that are ours by comment and date, and that no grant uses."""
        found = [(str(entry.get("cidrBlock", "")), _entry_of(entry)) for entry in self.project.entries()]
        uses = self.ledger.survey()
        ours = [block for block, entry in found if self._is_ours(entry)]
        return [block for block in ours if not uses.is_used(SharedKind.ACCESS_LIST_ENTRY, block)]

    def end_stray(self, block: str) -> Evidence:
        """Take it away, if it is still ours and no grant has come to use it; read back."""
        with self.ledger.hold(SharedKind.ACCESS_LIST_ENTRY, block) as held:
            if held.live or held.ending:
                return Evidence(done=False, facts={}, remains=(_IS_USED.format(block),))
            held.fence()
            found = self._entry(block)
            if found is not None and self._is_ours(found):
                self._remove(held, block)
                held.fence()
                found = self._entry(block)
        is_left = found is not None and self._is_ours(found)
        return Evidence(
            done=not is_left,
            facts={"entries": {block: "kept by another" if found else "gone"}},
            remains=(_STILL_THERE.format(block),) if is_left else (),
        )

    def _arm(self, held: Held, block: str, spec: GrantSpec, *, most: timedelta, may_make: bool) -> None:
        now = held.fence()
        found = self._entry(block)
        if held.baseline is None:
            held.capture(self._told(found) if found else {})
        if spec.expires_at <= now:
            raise ProvisionerError("The time of this access is over.", permanent=True)
        if found is None and not may_make:
            raise ProvisionerError(_NO_LONGER_THERE.format(block))
        wants = {"end": spec.expires_at.astimezone(UTC).isoformat(), "most": most.total_seconds()}
        held.attempt(grant_id=spec.grant_id, wants=wants)
        if found is not None and not self._is_ours(found):
            _check_lasts(found, block, spec, now)
            return
        until = _needed_until(held.live.values(), now)
        assert until is not None, "The grant itself needs it."  # noqa: S101
        if found is None or found.until != until:
            self._write(held, block, until, lapsed=found is not None and (found.until or now) <= now)
            self._check_written(held, block, until)

    def _write(self, held: Held, block: str, until: datetime, *, lapsed: bool) -> None:
        """Atlas takes writes to a project's list one at a time. What has lapsed cannot be moved on: it is made anew."""
        entry = {"cidrBlock": block, "comment": self.comment, "deleteAfterDate": until.strftime("%Y-%m-%dT%H:%M:%SZ")}
        with self.ledger.alone(TURN) as turn:
            if lapsed:
                held.fence()
                turn.fence()
                self._delete(block)
            held.fence()
            turn.fence()
            try:
                self.project.put_entries([entry])
            except AtlasFailure as failure:
                if failure.code != _PERMANENT:
                    raise
                raise ProvisionerError(_MADE_MEANWHILE.format(block)) from failure

    def _check_written(self, held: Held, block: str, until: datetime) -> None:
        """An entry without the date that we sent would stay for ever: it goes at once."""
        held.fence()
        written = self._entry(block)
        if written == _Entry(self.comment, until):
            return
        if written is not None and written.comment == self.comment and written.until is None:
            self._remove(held, block)
        raise ProvisionerError(_OTHERWISE.format(block))

    def _close(self, held: Held, block: str, spec: GrantSpec, closing: _Closing) -> None:
        is_used = held.end(grant_id=spec.grant_id)
        now = held.fence()
        found = self._entry(block)
        until = _needed_until(held.live.values(), now)
        if found is not None and self._is_ours(found):
            if until is None:
                self._remove(held, block)
            elif found.until != until:
                self._write(held, block, until, lapsed=(found.until or now) <= now)
        looked_at = held.fence()
        left = self._entry(block)
        if left is None:
            closing.facts[block] = "gone"
        elif not self._is_ours(left):
            closing.facts[block] = "kept by another"
        elif until is not None and (left.until or until) <= until:
            closing.facts[block] = "kept for other grants"
        else:
            closing.remains.append(_STILL_THERE.format(block))
            return
        if is_used and held.gone(grant_id=spec.grant_id, looked_at=looked_at) is not None:
            closing.is_waiting = True

    def _remove(self, held: Held, block: str) -> None:
        with self.ledger.alone(TURN) as turn:
            held.fence()
            turn.fence()
            self._delete(block)

    def _delete(self, block: str) -> None:
        try:
            self.project.delete_entry(block)
        except AtlasFailure as failure:
            if not failure.gone:
                raise

    def _entry(self, block: str) -> _Entry | None:
        try:
            found = self.project.entry(block)
        except AtlasFailure as failure:
            if failure.gone:
                return None
            raise
        return _entry_of(found)

    def _status(self, block: str) -> str:
        try:
            return self.project.entry_status(block)
        except AtlasFailure as failure:
            if failure.gone:
                return "GONE"
            raise

    def _is_ours(self, entry: _Entry) -> bool:
        """One whose comment or date is gone is somebody else's from then on."""
        return entry.comment == self.comment and entry.until is not None

    def _is_as_meant(self, entry: _Entry, held: Held, spec: GrantSpec, now: datetime) -> bool:
        """It lets the grant in for as long as it may, and lasts no longer than any of ours needs."""
        if not self._is_ours(entry):
            return entry.until is None or entry.until >= spec.expires_at
        if entry.until is None or entry.until <= now:
            return False
        # What a grant that is ending needed may be there until its end is read back.
        longest = _needed_until([*held.live.values(), *held.ending.values()], now)
        return longest is not None and entry.until <= longest

    def _ends_early(self, entry: _Entry, held: Held, now: datetime) -> bool:
        needed = _needed_until(held.live.values(), now - SLACK)
        return self._is_ours(entry) and entry.until is not None and needed is not None and entry.until < needed

    def _told(self, entry: _Entry) -> dict[str, Any]:
        until = entry.until.isoformat() if entry.until else "always"
        return {"made_by": "us" if self._is_ours(entry) else "another", "until": until}


def _blocks(spec: GrantSpec) -> list[str]:
    """In one order, whoever asks: the rows of the entries are held one after the other."""
    try:
        return sorted({canonical_address(address) for address in spec.source_addresses})
    except InvalidAddress as error:
        raise ProvisionerError(str(error), permanent=True) from error


def _let_in(document: Document) -> str:
    named = (document.get(name) for name in ("cidrBlock", "ipAddress", "awsSecurityGroup"))
    return str(next((said for said in named if said), ""))


def _entry_of(document: Document) -> _Entry:
    date = document.get("deleteAfterDate")
    return _Entry(comment=document.get("comment") or "", until=None if date is None else parse_moment(date))


def _needed_until(needs: Iterable[Mapping[str, Any]], now: datetime) -> datetime | None:
    """Until when our grants need it, in the whole seconds that Atlas keeps. None: no time of any of them is left."""
    ends = [(parse_moment(wants["end"]), timedelta(seconds=wants["most"])) for wants in needs]
    latest = max((min(end, now + most) for end, most in ends if end > now), default=None)
    if latest is None:
        return None
    return latest.replace(microsecond=0) + timedelta(seconds=latest.microsecond > 0)


def _check_lasts(entry: _Entry, block: str, spec: GrantSpec, now: datetime) -> None:
    if entry.until is None or entry.until >= spec.expires_at:
        return
    if entry.until <= now:
        raise ProvisionerError(_LAPSED.format(block))
    raise ProvisionerError(_TOO_SHORT.format(block, moment(entry.until)), permanent=True)
