"""How a person connects: a connection string in which nothing that was generated can break out of its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode


def connection_string(
    *, kind: str, hosts: Sequence[str], options: Mapping[str, str], username: str, password: str
) -> str:
    """A URI that the target's own drivers take as it is.

    MongoDB manual, "Connection String URI Format": user name and password percent-encoded, `authSource` named.
    :raises ValueError: for a kind of target that we do not know.
    """
    if kind != "mongodb":
        raise ValueError(f"There is no connection string for targets of kind {kind}.")
    query = urlencode({"authSource": "admin", **options})
    return f"mongodb://{quote(username, safe='')}:{quote(password, safe='')}@{','.join(hosts)}/?{query}"
