"""How slow, late and strict the stand-in is: set in the seed file or over the control endpoint, at any time."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.desk import Adjustable


@dataclass(slots=True)
class Settings(Adjustable):
    """The seed's values are those of a calm day at Atlas, made short."""

    apply_seconds: float = 2.0  # From a change of users or roles until the clusters are APPLIED.
    active_seconds: float = 2.0  # From a new entry of the access list until it is ACTIVE.
    purge_lag_seconds: float = 15.0  # From an expiration date until the purge takes what has expired.
    delete_missing_user: str = "USER_NOT_FOUND"  # The code when a user to be deleted is not there; GET has its own.
    overlap_fails: bool = False  # For a write of an access list or of roles while another one is under way.
    access_list_write_seconds: float = 0.0  # How long such a write is under way.
    token_seconds: float = 3600.0
    token_mints_per_minute: int = 10  # For one account from one address.
    live_tokens: int = 100  # For one account.
    user_limit: int = 100  # Database users of a project; the limits endpoint shows it.
    custom_role_limit: int = 100
    access_list_limit: int = 200
