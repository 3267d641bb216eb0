"""The no of a database that must not act until a person has accepted it."""

from __future__ import annotations

SENTENCE = (
    "This database is quarantined: it was restored or copied. Nothing is asked, decided, made or ended until an "
    "operator accepts it with `manage.py quarantine accept`."
)


class Quarantined(Exception):
    """Nothing changes state meanwhile."""

    def __init__(self) -> None:
        super().__init__(SENTENCE)
