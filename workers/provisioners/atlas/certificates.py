"""Signing in to Atlas with a certificate of our own authority: what must be true before, and who signs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from workers.provisioners.atlas.users import AtlasUser
from workers.provisioners.authority import Authority, read_authority
from workers.provisioners.base import GrantSpec, ProvisionerError
from workers.provisioners.connection_record import AtlasRecord
from workers.provisioners.tag import Tagger

NEVER_RENEWED = "A certificate is made once for each access. Whoever lost theirs asks again."
_NONE = (
    "The workers have no certificate authority for this target. An administrator makes one with `manage.py x509 init`."
)
_SHARED = (
    "The user {} is in the organization that our certificates are in, and our tag does not prove that it is ours. "
    "While it is there, no access is given by certificate. Look at it in Atlas."
)


def authority_of(record: AtlasRecord) -> Authority:
    """Read anew each time, so that a new one counts at once.

    :raises ProvisionerError: there is none, or what is there is none of ours.
    """
    path = record.authority_file or settings.ACCESS_X509_AUTHORITY
    if not path:
        raise ProvisionerError(_NONE, permanent=True)
    return read_authority(Path(path))


def check_prepared(spec: GrantSpec, *, record: AtlasRecord, users: Iterable[Mapping[str, Any]], tagger: Tagger) -> None:
    """:raises ProvisionerError: nothing could be signed, or what is signed could be taken for somebody else's."""
    authority_of(record).check_lasts(spec.expires_at)
    for user in map(AtlasUser, users):
        if user.has_our_organization and user.proof(tagger) is None:
            raise ProvisionerError(_SHARED.format(user.username), permanent=True)
