"""The events of a project: what changed, when, and who did it."""

from __future__ import annotations

from typing import Any

from sandbox.atlas.dates import moment_of, stamp
from sandbox.atlas.organisation import Organisation, new_id
from sandbox.atlas.project import Project
from sandbox.atlas.routes import READ_ONLY, Route
from sandbox.atlas.wire import Answer, AtlasError, Request, page

_MOST = 2000  # Kept of a project, since every change writes all of them to the snapshot.
_PATH = "/groups/{groupId}/events"
_RAW = "raw"


def record(
    organisation: Organisation, project: Project, event: str, *, request: Request | None = None, **fields: str
) -> None:
    """Keep an event. Without a request Atlas did it itself, as when it purges: such an event has no actor.

    Fields, as Atlas has them: dbUserUsername, whitelistEntry, targetUsername, teamId. What a role's event is about is
    in its raw document only, as `description`.
    """
    description = fields.pop("description", event)
    document: dict[str, Any] = {
        "id": new_id(),
        "created": stamp(organisation.now()),
        "eventTypeName": event,
        "groupId": project.id,
        "orgId": organisation.id,
        "isGlobalAdmin": False,
        **fields,
        _RAW: {"_t": "NDS_AUDIT", "description": description, "gn": project.name, "orgName": organisation.name},
    }
    if request is not None:
        account = request.account
        facts = organisation.account_facts.get(account.key, {})
        document |= {"apiKeyId": facts.get("id", ""), "publicKey": account.key, "remoteAddress": request.peer}
    project.events.append(document)
    del project.events[:-_MOST]


def list_events(organisation: Organisation, request: Request) -> Answer:
    """Newest first."""
    project = organisation.project(request.parameters["groupId"])
    wanted, unwanted = request.query.get("eventType", ()), request.query.get("excludedEventType", ())
    least, most = (moment_of(said) if (said := request.first(name)) else None for name in ("minDate", "maxDate"))
    found = [
        _shown(each, request)
        for each in reversed(project.events)
        if (not wanted or each["eventTypeName"] in wanted)
        and each["eventTypeName"] not in unwanted
        and (least is None or moment_of(each["created"]) >= least)
        and (most is None or moment_of(each["created"]) <= most)
    ]
    return Answer(body=page(request, found, counted=False))


def get_event(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    for each in project.events:
        if each["id"] == request.parameters["eventId"]:
            return Answer(body=_shown(each, request))
    raise AtlasError("RESOURCE_NOT_FOUND", request.parameters["eventId"])


def _shown(event: dict[str, Any], request: Request) -> dict[str, Any]:
    shown = {**event, "links": [request.link("groups", event["groupId"], "events", event["id"])]}
    if not request.flag("includeRaw", default=False):
        del shown[_RAW]
    return shown


ROUTES = (
    Route("GET", _PATH, "2023-01-01", (READ_ONLY,), list_events),
    Route("GET", f"{_PATH}/{{eventId}}", "2023-01-01", (READ_ONLY,), get_event),
)
