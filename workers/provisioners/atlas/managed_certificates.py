"""Signing in to Atlas with a certificate that Atlas makes, by the login of a Project Owner that is enabled for this alone.

Such a certificate lasts whole months and no call takes it back: only the end of its user ends it, and a user of the
same name would bring it back to life (databaseUsers, certs), so that no name is given twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from workers.provisioners.atlas.budget import Urgency
from workers.provisioners.atlas.client import AtlasClient
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.base import ProvisionerError
from workers.provisioners.connection_record import AtlasRecord

FEWEST_MONTHS = 1
NO_OWNER = (
    "The workers have no login of a Project Owner for this target, and only such a one may have Atlas make certificates. "
    "An administrator adds `owner` to the connection record, or takes x509_managed out of the catalogue."
)
_OWN_AUTHORITY = (
    "The project trusts a certificate authority of its own, so that Atlas makes no certificates for it. "
    "Ask for another way to sign in."
)


@dataclass(slots=True)
class ManagedCertificates:
    """The certificates of one project. Only the owner's login is used here, and it is used here only."""

    record: AtlasRecord
    _client: AtlasClient | None = None

    def check(self) -> None:
        """:raises ProvisionerError: Atlas would make none."""
        security = self._project().user_security()
        if (security.get("customerX509") or {}).get("cas"):
            raise ProvisionerError(_OWN_AUTHORITY, permanent=True)

    def issue(self, username: str) -> str:
        """Certificate and key, which Atlas shows this once."""
        return self._project().create_certificate(username, months=FEWEST_MONTHS)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _project(self) -> AtlasProject:
        """Connections are made when there is something to ask for."""
        if self.record.owner is None:
            raise ProvisionerError(NO_OWNER, permanent=True)
        if self._client is None:
            self._client = AtlasClient(record=replace(self.record, login=self.record.owner))
        return AtlasProject(self._client, self.record.project_id, self.record.org_id, Urgency.GRANT)
