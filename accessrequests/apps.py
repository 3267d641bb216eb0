"""The product as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class AccessRequestsConfig(AppConfig):
    name = "accessrequests"
    verbose_name = "Access Requests"
    default_auto_field = "django.db.models.BigAutoField"
