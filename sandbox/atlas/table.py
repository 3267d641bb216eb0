"""Every operation the stand-in answers, from the resources' own lists."""

from __future__ import annotations

from sandbox.atlas import (
    access_list,
    certificates,
    clusters,
    custom_roles,
    database_users,
    events,
    history,
    limits,
    people,
    project_users,
    projects,
    service_accounts,
    teams,
)
from sandbox.atlas.routes import Route

_RESOURCES = (
    access_list,
    certificates,
    clusters,
    custom_roles,
    database_users,
    events,
    history,
    limits,
    people,
    project_users,
    projects,
    service_accounts,
    teams,
)


def all_routes() -> tuple[Route, ...]:
    """What every resource's module exports as ROUTES. Those with more literal segments come first, so that they win."""
    routes = [route for resource in _RESOURCES for route in resource.ROUTES]
    return tuple(sorted(routes, key=lambda route: route.template.count("{")))
