"""Everything is left open when the time runs out, and everything must end."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import UTC, datetime

from sandbox.tour.hostile import (
    UNAUTHORIZED,
    OpenTransaction,
    Running,
    change_stream,
    expect_refused,
    long_command,
    without_session,
)
from sandbox.tour.narrator import Narrator, expect
from sandbox.tour.story import Story, await_refusal

# The product promises a second; the tour allows a slow machine some more.
_LATE_SECONDS = 3.0
_HELD_ORDER = 77


class Ending:
    """Two people at the end of their time: one who reads, one who writes."""

    def __init__(self, *, reading: Story, writing: Story, tell: Narrator, stack: ExitStack) -> None:
        self._reading = reading
        self._writing = writing
        self._tell = tell
        self._stack = stack
        self._root = reading.target.root
        self._running: dict[str, Running] = {}

    def play(self) -> None:
        self._hold_to_the_role()
        transaction = self._leave_everything_open()
        self._await_the_end()
        self._expect_all_ended(transaction)

    def _hold_to_the_role(self) -> None:
        client = self._reading.client
        self._tell.chapter("Alice is held to what was approved.")
        with self._tell.step("She may not insert into shop.orders (code 13)."):
            expect_refused(lambda: client.shop.orders.insert_one({"_id": -1}), UNAUTHORIZED)
        with self._tell.step("She may not read shop.customers (code 13)."):
            expect_refused(client.shop.customers.find_one, UNAUTHORIZED)
        with self._tell.step("She may not read another database (code 13)."):
            expect_refused(client.warehouse.stock.find_one, UNAUTHORIZED)

    def _leave_everything_open(self) -> OpenTransaction:
        self._tell.chapter("Both leave everything open, and the time runs out.")
        with self._tell.step("Frank's open transaction holds the lock on an order: another writer waits in vain."):
            transaction = OpenTransaction(self._writing.client, order=_HELD_ORDER)
            self._stack.callback(transaction.close)
            transaction.expect_blocking(self._root)
        with self._tell.step("A long find, another one without a session, and a change stream are running."):
            self._running = {
                "The long find": long_command(self._reading.connect()),
                "The find without a session": without_session(self._reading.credential, self._reading.target.address),
                "The change stream": change_stream(self._reading.connect()),
            }
            time.sleep(0.3)
            self._expect_running()
        return transaction

    def _expect_running(self) -> None:
        over = [name for name, call in self._running.items() if not call.is_running()]
        expect(holds=not over, found=f"already over: {', '.join(over)}")

    def _await_the_end(self) -> None:
        with self._tell.step("Half a second before the end all of it still works."):
            _sleep_until(self._reading, early=0.5)
            expect(holds=self._reading.client.shop.orders.find_one() is not None, found="no order")
            self._expect_running()
        for story in (self._reading, self._writing):
            name = story.grant["username"]
            with self._tell.step(f"{name} is cut off: the next command on its open connection fails (code 13).") as add:
                _sleep_until(story)
                await_refusal(story.client, seconds=_LATE_SECONDS)
                add(f"{-_seconds_left(story) * 1000:.0f} ms after its end.")

    def _expect_all_ended(self, transaction: OpenTransaction) -> None:
        for name, call in self._running.items():
            with self._tell.step(f"{name} is killed."):
                call.expect_killed(within=_LATE_SECONDS)
        with self._tell.step("The lock of the transaction is free: the other writer gets through."):
            transaction.expect_released(self._root)
        for story in (self._reading, self._writing):
            story.expect_gone(reason="expiry")


def _sleep_until(story: Story, *, early: float = 0.0) -> None:
    time.sleep(max(0.0, _seconds_left(story) - early))


def _seconds_left(story: Story) -> float:
    return (datetime.fromisoformat(story.grant["expires_at"]) - datetime.now(UTC)).total_seconds()
