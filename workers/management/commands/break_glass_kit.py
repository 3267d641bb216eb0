"""The sealed offline kit of a target: make one for two holders, check those there are, list them, end one."""

from __future__ import annotations

import getpass
import os
import pwd
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accessrequests.domain.events import Actor
from accessrequests.domain.offline_kits import HALVES, KitState
from accessrequests.domain.wording import moment
from accessrequests.models import OfflineKit, Target
from accessrequests.operations.people import command_actor
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries import clock
from accessrequests.queries import offline_kits as queries
from workers import kit_file, kits
from workers.kits import Content
from workers.provisioners.base import ProvisionerError

OPENER = "kit.py"
_PRIVATE = 0o600


class Command(BaseCommand):
    help = (
        "The offline kit of break-glass, for the day when nothing of the product works: a user that stands on the target, "
        "its password sealed into two halves. Runs where the workers' file of targets is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        make = verbs.add_parser("make", help="Make a kit, or a new one: the halves of the old one open nothing then.")
        make.add_argument("target", help="Its slug. The catalogue says in offline_kit what the kit may do.")
        make.add_argument(
            "--holders", help="Two user names, like frank,erin (default: the first two of the catalogue)."
        )
        make.add_argument(
            "--directory", default=".", help="Where the two halves and kit.py are written (default: here)."
        )
        for verb, what in (
            ("check", "Look whether the users of kits are there, with exactly their roles."),
            ("list", "Which kits there are, and how they stand."),
        ):
            verbs.add_parser(verb, help=what)
        end = verbs.add_parser("end", help="Take the kit's user away from the target, and whatever runs as it.")
        end.add_argument("target")

    def handle(self, *_args: Any, verb: str, **options: Any) -> None:
        {"make": self._make, "check": self._check, "list": self._list, "end": self._end}[verb](options)

    def _make(self, options: dict[str, Any]) -> None:
        target = Target.objects.filter(slug=options["target"], retired_at=None).first()
        said = queries.declared(target) if target is not None else None
        if target is None or said is None:
            raise CommandError(
                f"The catalogue has no offline kit for {options['target']}. Write its offline_kit, and apply it."
            )
        holders = [name.strip() for name in (options["holders"] or ",".join(said.holders[:HALVES])).split(",")]
        if len(holders) != HALVES:
            raise CommandError("A kit has two holders, each of whom keeps one half. Name two people.")
        content = kits.content_for(target, said.roles)
        files = self._written(target, holders, content, Path(options["directory"]))
        try:
            kits.make(target=target, holders=holders, content=content, actor=_operator())
        except (ProvisionerError, Refused, IllegalMove) as error:
            for file in files:
                file.unlink(missing_ok=True)
            raise CommandError(_why_not(error, queries.of_target(target.slug), content.fingerprint)) from error
        self.stdout.write(
            f"The kit of {target.slug} stands as {content.spec.username}, fingerprint {content.fingerprint}."
        )
        for file, holder in zip(files, holders, strict=False):
            self.stdout.write(f"  {file}  for {holder}")
        self.stdout.write(
            f"Give each holder their half and {OPENER}, on something that works without us, and delete them here. To open it, "
            f"both together run: python3 {OPENER} {files[0].name} {files[1].name}"
        )

    def _written(self, target: Target, holders: Sequence[str], content: Content, directory: Path) -> list[Path]:
        """Before the target is asked: a kit that stands and that nobody can open would be worse than none."""
        halves = kit_file.seal(
            content.text,
            target=target.slug,
            holders=holders,
            passphrases=[self._passphrase(holder) for holder in holders],
        )
        named = [f"kit-{target.slug}-{content.fingerprint[:8]}-{holder}.json" for holder in holders]
        files = [directory / name for name in named]
        try:
            for file, half in zip(files, halves, strict=True):
                _write_new(file, half + "\n")
            (directory / OPENER).unlink(missing_ok=True)  # that of an earlier kit, or a link that somebody planted
            _write_new(directory / OPENER, Path(kit_file.__file__).read_text(encoding="utf-8"))
        except OSError as error:
            for file in files:
                file.unlink(missing_ok=True)
            raise CommandError(
                f"The halves cannot be written to {directory}: {error.strerror}. No kit was made."
            ) from error
        return files

    def _passphrase(self, holder: str) -> str:
        said = self._ask_secret(f"Passphrase of {holder}: ")
        if len(said) < kit_file.SHORTEST_PASSPHRASE:
            raise CommandError(f"A passphrase has at least {kit_file.SHORTEST_PASSPHRASE} characters. No kit was made.")
        if self._ask_secret(f"The same again, {holder}: ") != said:
            raise CommandError(f"{holder} typed two different passphrases. No kit was made.")
        return said

    def _check(self, _options: dict[str, Any]) -> None:
        found = [kit for kit in queries.everything() if kit.state != KitState.ENDED]
        wrong = 0
        for kit in found:
            try:
                trouble = kits.check(kit) or queries.concern(kit, at=clock.now())
            except ProvisionerError as error:
                trouble = str(error)
            wrong += bool(trouble)
            self.stdout.write(f"{kit.target.slug}: {trouble or 'as it was made.'}")
        for target in queries.lacking():
            wrong += 1
            self.stdout.write(f"{target.slug}: The catalogue says that there shall be a kit, and none was made yet.")
        if wrong:
            raise CommandError(f"{wrong} of {len(found) + len(queries.lacking())} need somebody to look after them.")

    def _list(self, _options: dict[str, Any]) -> None:
        for kit in queries.everything():
            made = f"made {moment(kit.made_at)}" if kit.made_at else "not finished"
            self.stdout.write(
                f"{kit.target.slug}  {kit.username}  {kit.state}  {made}  {', '.join(kit.holders)}  {kit.fingerprint}"
            )

    def _end(self, options: dict[str, Any]) -> None:
        kit: OfflineKit | None = queries.of_target(options["target"])
        if kit is None or kit.state == KitState.ENDED:
            raise CommandError(f"There is no kit of {options['target']}.")
        try:
            kits.end(kit=kit, actor=_operator())
        except ProvisionerError as error:
            raise CommandError(f"{error} The kit was not ended.") from error
        self.stdout.write(f"{kit.username} is gone from {kit.target.slug}. Destroy the halves.")

    def _ask_secret(self, prompt: str) -> str:
        """Never an argument: those are seen by everybody on the machine."""
        if sys.stdin.isatty():
            return getpass.getpass(prompt).strip()
        self.stderr.write(prompt, ending="")
        return sys.stdin.readline().strip()


def _write_new(file: Path, text: str) -> None:
    """Never through a link, nor into what somebody else put there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(file, flags, _PRIVATE), "w", encoding="utf-8") as written:
        written.write(text)


def _why_not(error: Exception, kit: OfflineKit | None, fingerprint: str) -> str:
    """What is true now: once it was ordered, the target may have taken the new password without our hearing of it."""
    was_ordered = kit is not None and kit.fingerprint == fingerprint
    if not was_ordered or (isinstance(error, ProvisionerError) and error.permanent):
        return f"{error} No kit was made, and its halves are deleted."
    return (
        f"{error} The new halves are deleted. The target may have taken the new password all the same, so that the halves of "
        "an earlier kit may open nothing any more: make the kit again."
    )


def _operator() -> Actor:
    """By the name of their account, from the kernel."""
    try:
        return command_actor(pwd.getpwuid(os.getuid()).pw_name)
    except KeyError:
        return command_actor(f"uid-{os.getuid()}")
