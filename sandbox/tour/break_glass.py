"""Production is on fire at night: access without asking, told to everybody, ended by one of them, reviewed by another."""

from __future__ import annotations

import base64
import hmac
import struct
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sandbox.tour.narrator import Narrator, expect
from sandbox.tour.person import Answer, Browser, Person, wait_until
from sandbox.tour.story import Story, await_refusal
from sandbox.tour.target import Target

_ASKED: Mapping[str, Any] = {
    "target": "shop-prod",
    "kind": "database_user",
    "roles": ["readWrite@shop"],
    "duration": "PT1H",
    "reason": "Checkout writes time out since 3 a.m.; stuck locks must go.",
    "incident": "INC-884",
    "confirm_target": "shop-prod",
}
_TOLD = ("bob@example.com", "carol@example.com", "grace@example.com")


class BreakGlassChapter:
    """Frank is on call and has a second factor; Carol of security is told."""

    def __init__(
        self,
        *,
        state: Mapping[str, Any],
        people: Mapping[str, Person],
        target: Target,
        tell: Narrator,
        stack: ExitStack,
    ) -> None:
        self._state, self._people, self._target = state, people, target
        self._tell, self._stack = tell, stack

    def play(self) -> None:
        tell, frank = self._tell, self._people["frank"]
        tell.chapter("It is 3 a.m. and production is on fire. Frank, who is on call, breaks the glass.")
        with tell.step("Without his second factor nothing is made, and Alice may not do it at all."):
            frank.post("break-glass/", _ASKED, expected=422)
            frank.post("break-glass/", {**_ASKED, "second_factor": "000000"}, expected=403)
            self._people["alice"].post("break-glass/", {**_ASKED, "second_factor": "000000"}, expected=403)
        with tell.step("With it, the reason, the incident and the name typed again, it is given: nobody approves."):
            code = code_of(self._state["totp"]["frank"])
            broken = frank.post("break-glass/", {**_ASKED, "second_factor": code}, expected=201)
            expect(holds=broken["state"] == "approved" and not broken["approvals"], found=broken)
        story = Story(person=frank, access_request=broken, target=self._target, tell=tell)
        self._stack.callback(story.close)
        story.open()
        with tell.step("Every data owner and security were told at once."):
            wait_until(lambda: self._told() >= set(_TOLD), what=lambda: f"told are {sorted(self._told())}")
        with tell.step("Carol ends it with the one button of its page, and his open connection is refused."):
            self._end(broken)
            await_refusal(story.client)
        story.expect_gone(reason="revoked")
        self._review(broken)

    def _told(self) -> set[str]:
        """To whom a mail says that the glass was broken."""
        found = set()
        for path in Path(self._state["mail"]).glob("*.log"):
            text = path.read_text(encoding="utf-8", errors="replace")
            found |= {person for person in _TOLD if "Subject: BREAK-GLASS" in text and f"To: {person}" in text}
        return found

    def _end(self, broken: Answer) -> None:
        browser = Browser(state=self._state)
        self._stack.callback(browser.close)
        browser.sign_in(name="carol", password=self._state["passwords"]["carol"])
        page = f"/break-glass/{broken['id']}/"
        browser.press(page, action=f"{page}end/")

    def _review(self, broken: Answer) -> None:
        path, said = f"break-glass/{broken['id']}/review/", {"finding": "drill", "note": "A tour: the locks were free."}
        with self._tell.step("Somebody else must review it: Frank cannot, Carol does."):
            due = self._people["frank"].get(f"access-requests/{broken['id']}/")["break_glass"]["review_due_at"]
            expect(holds=bool(due), found="no review is due")
            self._people["frank"].post(path, said, expected=403)
            reviewed = self._people["carol"].post(path, said)
            expect(holds=reviewed["break_glass"]["reviewed_by"] == "carol", found=reviewed["break_glass"])


def code_of(seed: str, *, at: int | None = None) -> str:
    """What an authenticator app shows now, or in that period (RFC 6238, with the usual 30 seconds and six digits)."""
    moment = struct.pack(">Q", period() if at is None else at)
    digest = hmac.new(base64.b32decode(seed), moment, "sha1").digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def period() -> int:
    """The number of the 30 seconds that it is now."""
    return int(time.time()) // 30
