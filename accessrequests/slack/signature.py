"""Whether Slack signed what has arrived: HMAC-SHA256 over the bytes as they came.

docs.slack.dev, authentication/verifying-requests-from-slack: base string `v0:{timestamp}:{raw body}`, five minutes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable

WINDOW_SECONDS = 300
_TIMESTAMP = re.compile(r"\d{1,12}", re.ASCII)
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)


def why_not(*, body: bytes, timestamp: str, signature: str, secrets: Iterable[str], now: float) -> str:
    """Empty when one of the secrets made it. Headers of any other shape are no signature, and no accident either."""
    if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
        return "it carried no signature of the right shape"
    base = b"v0:" + timestamp.encode() + b":" + body
    made = [f"v0={hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()}" for secret in secrets]
    if not any(hmac.compare_digest(one, signature) for one in made):
        return "its signature was made with another secret, or over something else"
    if abs(now - int(timestamp)) > WINDOW_SECONDS:
        return "it was signed more than five minutes away from now"
    return ""
