"""Every operation the stand-in answers, from the resources' own lists."""

from __future__ import annotations

import importlib
import importlib.util

from sandbox.atlas.routes import Route

_MODULES = (
    "projects",
    "database_users",
    "certificates",
    "custom_roles",
    "access_list",
    "clusters",
    "history",
    "events",
    "limits",
    "project_users",
    "people",
    "teams",
    "service_accounts",
)


def all_routes() -> tuple[Route, ...]:
    """What every resource's module exports as ROUTES. Those with more literal segments come first, so that they win."""
    routes: list[Route] = []
    for name in _MODULES:
        module = f"{__package__}.{name}"
        if importlib.util.find_spec(module) is not None:
            routes += importlib.import_module(module).ROUTES
    return tuple(sorted(routes, key=lambda route: route.template.count("{")))
