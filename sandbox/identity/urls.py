"""Every address of the sandbox's OpenID provider."""

from __future__ import annotations

from django.urls import include, path

from sandbox.identity import provider

urlpatterns = [
    path("", provider.home),
    path("", include("allauth.idp.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("control/people/<slug:name>/", provider.control),
]
