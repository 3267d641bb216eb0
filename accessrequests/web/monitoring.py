"""For machines: is the process alive, can it serve, what do the counters say, and that nobody indexes it."""

from __future__ import annotations

import hmac
import ipaddress

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from accessrequests.queries import health
from accessrequests.queries.metrics import readings


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """The process is alive. Nothing else is touched."""
    return JsonResponse({"alive": True})


@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """200 when people can be served; else 503 with what is in the way."""
    obstacle = health.obstacle()
    if obstacle is None:
        return JsonResponse({"ready": True})
    return JsonResponse({"ready": False, "detail": obstacle}, status=503)


@require_safe
def robots(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("User-agent: *\nDisallow: /\n", content_type="text/plain")


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text. With `ACCESS_METRICS_TOKEN` for its bearer only, without it for this machine only."""
    if not _may_scrape(request):
        return HttpResponse("Send the metrics token as a bearer token.\n", status=401, content_type="text/plain")
    return HttpResponse(generate_latest() + _own_gauges(), content_type=CONTENT_TYPE_LATEST)


def _may_scrape(request: HttpRequest) -> bool:
    token: str = settings.ACCESS_METRICS_TOKEN
    if token:
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(sent.encode(errors="replace"), token.encode())
    # A proxy on this machine would make everybody local, and it says so.
    forwarded = "HTTP_X_FORWARDED_FOR" in request.META or "HTTP_FORWARDED" in request.META
    return not forwarded and _is_loopback(request.META.get("REMOTE_ADDR", ""))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:  # a Unix socket has no address: only a local proxy connects there
        return False


def _own_gauges() -> bytes:
    """Read from the database at each scrape, so that every web process says the same."""
    registry = CollectorRegistry()
    gauges: dict[str, Gauge] = {}
    for reading in readings():
        if reading.name not in gauges:
            gauges[reading.name] = Gauge(reading.name, reading.meaning, sorted(reading.labels), registry=registry)
        gauge = gauges[reading.name].labels(**reading.labels) if reading.labels else gauges[reading.name]
        gauge.set(reading.value)
    return generate_latest(registry)
