"""How often a method may be called: a bucket for each method, and for messages one for each channel.

The tiers are those of Slack's page "Rate limits"; a bucket holds a minute's calls, so that a short burst passes.
"""

from __future__ import annotations

import math
import threading
import time

from sandbox.slack.wire import SlackError
from sandbox.slack.workspace import Settings

TIERS = {1: 1, 2: 20, 3: 50, 4: 100}  # Calls a minute, at least.
_BURST = 10  # As many at once are let through in any tier.


class Rates:
    """Buckets that fill themselves."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, method: str, *, tier: int) -> None:
        """:raises SlackError: the method's bucket is empty."""
        self._take(method, capacity=max(_BURST, TIERS[tier]), per_second=TIERS[tier] / 60)

    def take_post(self, channel: str) -> None:
        """:raises SlackError: too many messages in that channel; about one a second may come."""
        self._take(f"post {channel}", capacity=self._settings.post_burst, per_second=1.0)

    def forget(self) -> None:
        with self._lock:
            self._left.clear()

    def _take(self, name: str, *, capacity: float, per_second: float) -> None:
        if not self._settings.rate_limits:
            return
        now = time.monotonic()
        with self._lock:
            left, at = self._left.get(name, (capacity, now))
            left = min(capacity, left + (now - at) * per_second)
            if left < 1:
                self._left[name] = (left, now)
                raise SlackError("ratelimited", retry_after=max(1, math.ceil((1 - left) / per_second)))
            self._left[name] = (left - 1, now)
