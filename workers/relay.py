"""The relay: wakes on a commit or on the next deadline, and puts what is due where it will be carried.

It never waits for the broker, a target or a handler: those have threads and children of their own.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from multiprocessing.connection import wait

import psycopg
import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections

from accessrequests.domain.events import Job
from accessrequests.operations import outbox, slack_homes, slack_messages
from accessrequests.queries import clock, offline_kits, people, quarantine, slack, slack_places, usage, work
from accessrequests.queries import slack_homes as homes
from workers import anchor, clocks, guard
from workers.children import Children
from workers.clocks import Latest
from workers.expiry import AT_ONCE as ENDED_AT_ONCE
from workers.expiry import Deadlines
from workers.listener import Listener
from workers.probes import Probes
from workers.publisher import Publisher

LONGEST_SLEEP = 1.0
SHORTEST_SLEEP = 0.005  # commits that come together are carried together
STORM_SECONDS = 0.5  # between two looks at all else, while more has ended than one turn can end
AT_ONCE = 500
LONGEST_REST = 0.1  # a deadline that comes meanwhile is late by as much
CROWD_REST = 0.3  # while many end: those of one turn are cut in one call, which costs little more than to cut one
ASKED_AT_ONCE = 200
MINUTE = 60.0
HOUR = 3600.0
KIT_SECONDS = 5.0
SLACK_SECONDS = 300.0
CONSUMERS = ("worker", "worker_urgent")
OWN_CONSUMER = "relay"

log = structlog.get_logger(__name__)


class Relay:
    """One turn after the other, until told to stop."""

    def __init__(self) -> None:
        self._children = Children()
        self._publisher = Publisher()
        self._probes = Probes()
        self._periodic = Periodic()
        self._latest = Latest()
        self._deadlines = Deadlines()
        self._due_at: datetime | None = None
        self._stopping = False
        self._is_quarantined = False
        self._is_storm = False

    def stop(self) -> None:
        self._stopping = True

    def run(self) -> None:
        self._children.load()
        while not self._stopping:
            try:
                with Listener() as listener:
                    # Before anything else: this may be another database than before.
                    guard.look()
                    self._serve(listener)
            except (DatabaseError, InterfaceError, psycopg.Error) as error:
                log.warning("database_away", error=type(error).__name__)
                self._rest()
            except Exception:
                # What nobody foresaw ends this turn, not the relay: children at work would die with it.
                log.exception("turn_failed")
                self._rest()

    def _rest(self) -> None:
        connections.close_all()
        time.sleep(LONGEST_SLEEP)

    def _serve(self, listener: Listener) -> None:
        while not self._stopping:
            listener.check_round_trip()
            began = time.monotonic()
            sleep = self.turn()
            done = time.monotonic()
            wait([listener.fileno(), self._probes.bell(), *self._children.pipes()], timeout=sleep)
            time.sleep(max(0.0, done + self._pause(done - began) - time.monotonic()))
            listener.drain()
            self._probes.hush()

    def _pause(self, worked: float) -> float:
        """How long it rests at least after it has worked for so many seconds."""
        if self._is_storm:
            return 0.0
        if self._deadlines.is_crowd() and not self._children.pipes():
            return CROWD_REST
        # With commits all the time it would else take a processor from those who make them.
        return min(worked, LONGEST_REST)

    def turn(self) -> float:
        """Do what is due; how many seconds there are until the next thing is. A quarantined database acts on nothing.

        A commit is answered by what it may have filed. What only time makes due is looked for when a time has come that
        the turn before saw ahead, and each second: a hundred commits a second must not ask for it a hundred times.
        """
        if self._periodic.is_due("quarantine", LONGEST_SLEEP):
            self._is_quarantined = bool(quarantine.why())
        if self._is_quarantined:
            return LONGEST_SLEEP
        seen = clocks.look()
        latest = self._latest.of(seen, who=OWN_CONSUMER)
        now = seen.database
        self._periodic.mend_times(latest, is_suspect=self._latest.is_suspect)
        is_time = self._is_time(latest)
        ended = self._deadlines.end_what_is_due(latest) if is_time else 0
        self._is_storm = ended >= ENDED_AT_ONCE
        if self._is_storm and not self._periodic.is_due("all else in a storm", STORM_SECONDS):
            self._due_at = now
            return SHORTEST_SLEEP
        if self._periodic.is_due("warnings", LONGEST_SLEEP):
            self._deadlines.warn_who_ends_soon(now)
            self._deadlines.remind_who_may_answer(now)
        if self._periodic.is_due("reviews", MINUTE):
            self._deadlines.remind_who_reviews(now)
        # What was sent and is still unclaimed mostly lies in a queue: with a backlog that is thousands, at each commit.
        again, in_crowd = self._periodic.is_due("sending again", LONGEST_SLEEP), self._deadlines.is_crowd()
        ready = work.to_send(now, limit=AT_ONCE, again=again, in_crowd=in_crowd)
        self._publisher.offer([message for message in ready if message.consumer != OWN_CONSUMER])
        own = [message.message_id for message in ready if message.consumer == OWN_CONSUMER]
        if is_time or self._children.pipes():
            own = [*work.unclaimed_urgent(now, limit=AT_ONCE), *work.unclaimed_watches(now), *own]
        self._children.offer(own)
        self._probes.ask(work.unreachable_targets())
        self._periodic.file()
        self._due_at = now if self._is_storm else work.next_deadline(now)
        return _until(self._due_at, now)

    def _is_time(self, latest: datetime) -> bool:
        has_come = self._due_at is not None and latest >= self._due_at
        return self._periodic.is_due("deadlines", LONGEST_SLEEP) or has_come


class Periodic:
    """What the clock asks for: the look at every target, the inventories, the signs of life, the anchor."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def file(self) -> None:
        if self.is_due("anchor", MINUTE):
            _anchor(at_least=1)
        elif self.is_due("count of events", LONGEST_SLEEP):
            _anchor(at_least=anchor.EVENTS_BETWEEN)
        if self.is_due("signs of life", MINUTE):
            outbox.file_missing_revocations()
            outbox.file_periodic(job=Job.WATCH_BREAK_GLASS, subject="break_glass/all")
            for consumer in (OWN_CONSUMER, *CONSUMERS):
                outbox.file_periodic(job=Job.PROVE_ALIVE, subject=f"consumer/{consumer}")
        if self.is_due("prune", HOUR):
            outbox.file_periodic(job=Job.PRUNE, subject="database/product")
        if self.is_due("kits", KIT_SECONDS):
            for slug in offline_kits.to_watch(clock.now()):
                outbox.file_periodic(job=Job.WATCH_KIT, subject=f"target/{slug}", target=slug)
        if settings.ACCESS_SLACK:
            self._file_for_slack()
        self._file_for_grants()
        self._file_questions()
        self._file_for_targets()

    def _file_for_slack(self) -> None:
        """What a relay that has just begun looks at first: operators restart it after they have named a channel."""
        if self.is_due("copies in Slack", MINUTE):
            slack_messages.file_stragglers(message_ids=slack.stragglers(limit=ASKED_AT_ONCE))
            behind = homes.behind(clock.now(), limit=ASKED_AT_ONCE)
            slack_homes.file_behind(home_ids=behind)
        if self.is_due("Slack", SLACK_SECONDS):
            outbox.file_periodic(job=Job.WATCH_SLACK, subject=f"slack/{settings.ACCESS_SLACK_TEAM_ID}")
        if self.is_due("channels of Slack", HOUR):
            for channel in slack_places.channels():
                outbox.file_periodic(job=Job.WATCH_SLACK, subject=f"slack/{channel}")

    def _file_for_targets(self) -> None:
        paces = {
            Job.RECONCILE: settings.ACCESS_RECONCILE_SECONDS,
            Job.READ_INVENTORY: settings.ACCESS_INVENTORY_SECONDS,
            Job.READ_CHANGES: HOUR,
        }
        for job, seconds in paces.items():
            if self.is_due(job.value, seconds):
                for slug in work.catalogue():
                    outbox.file_periodic(job=job, subject=f"target/{slug}", target=slug)

    def _file_for_grants(self) -> None:
        """Ends that targets keep are moved on, and logins that they will forget are read."""
        if self.is_due("grants", HOUR):
            for job, found in ((Job.REARM, work.to_rearm()), (Job.READ_USAGE, usage.to_read())):
                for grant_id, slug in found:
                    outbox.file_periodic(job=job, subject=f"grant/{grant_id}", target=slug)

    def mend_times(self, latest: datetime, *, is_suspect: bool) -> None:
        """Each second while the database's clock is in doubt, else each minute: it may have gone back unseen."""
        if self.is_due("times", LONGEST_SLEEP if is_suspect else MINUTE):
            outbox.mend_times(latest=latest)

    def _file_questions(self) -> None:
        """Who is on call, and what the provider of sign-ins says now.

        Half the pace, since whoever was asked in the last round a moment after it was filed is asked in this one.
        """
        if settings.ACCESS_SCHEDULES_FILE and self.is_due("schedules", settings.ACCESS_SCHEDULES_SECONDS):
            outbox.file_periodic(job=Job.READ_SCHEDULES, subject="schedule/all")
        if settings.ACCESS_OIDC_ISSUER and self.is_due("identities", settings.ACCESS_OIDC_ASK_SECONDS):
            unasked_for = timedelta(seconds=settings.ACCESS_OIDC_ASK_SECONDS / 2)
            for identity in people.identities_to_ask(before=clock.now() - unasked_for, limit=ASKED_AT_ONCE):
                outbox.file_periodic(job=Job.ASK_PROVIDER, subject=f"identity/{identity}")

    def is_due(self, what: str, seconds: float) -> bool:
        last = self._last.get(what)
        if last is not None and time.monotonic() - last < seconds:
            return False
        self._last[what] = time.monotonic()
        return True


def _anchor(*, at_least: int) -> None:
    try:
        anchor.write_anchor(at_least=at_least)
    except DatabaseError:
        raise
    except BlockingIOError:
        log.info("anchor_left_to_another_relay")
    except Exception:
        # A disk that is full, a file that somebody changed: an alarm, and no reason to stop ending access.
        log.exception("anchor_not_written")


def _until(deadline: datetime | None, now: datetime) -> float:
    if deadline is None:
        return LONGEST_SLEEP
    return min(max((deadline - now).total_seconds(), SHORTEST_SLEEP), LONGEST_SLEEP)
