"""What this API is, for programs and for people."""

from __future__ import annotations

import functools
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator


@functools.cache
def schema() -> dict[str, Any]:
    """Made once a process: anybody may ask for it, and making it takes a while."""
    generator: Any = SchemaGenerator()  # type: ignore[no-untyped-call]
    return dict(generator.get_schema(request=None, public=True))


@require_safe
def schema_file(_request: HttpRequest) -> HttpResponse:
    return JsonResponse(schema(), content_type="application/vnd.oai.openapi+json")


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI without a line of script in the page, as the content security policy demands."""
    return render(request, "api/docs.html")
