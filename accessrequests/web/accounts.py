"""Signing in. Nobody signs up: people come from the operator's file, or later from the identity provider."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedAdapter(DefaultAccountAdapter):
    """Allauth's behaviour, with sign-up closed."""

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        return False
