"""Every address of the product."""

from __future__ import annotations

from types import ModuleType

from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from accessrequests import admin
from accessrequests.api import fallback
from accessrequests.slack import views as slack_views
from accessrequests.web import errors, monitoring

urlpatterns = [
    path("healthz", monitoring.healthz),
    path("readyz", monitoring.readyz),
    path("metrics", monitoring.metrics),
    path("robots.txt", monitoring.robots),
    path("favicon.ico", RedirectView.as_view(url=static("favicon.svg"))),
    path("api/v1/", include("accessrequests.api.urls")),
    re_path("^api(/|$)", fallback.nothing_here),
    path("slack/events", slack_views.events),
    path("admin/", admin.site.urls),
    path("", include("accessrequests.web.urls")),
]


def _room_of(request: HttpRequest) -> ModuleType:
    return fallback if request.path.startswith("/api/") else errors


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    answer: HttpResponse = _room_of(request).bad_request(request, exception)
    return answer


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    return errors.permission_denied(request, exception)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    return errors.not_found(request, exception)


def handler429(request: HttpRequest) -> HttpResponse:
    """Where sign-in looks for what to say when there were too many attempts."""
    return errors.too_many_requests(request)


def handler500(request: HttpRequest) -> HttpResponse:
    answer: HttpResponse = _room_of(request).server_error(request)
    return answer
