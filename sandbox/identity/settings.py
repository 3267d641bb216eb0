"""Settings of the sandbox's OpenID provider. It is a stranger to the product: nothing is shared but people's names."""

from __future__ import annotations

import os
from pathlib import Path

if "IDENTITY_DIRECTORY" not in os.environ:
    raise SystemExit("This is a part of `manage.py sandbox`. Run that instead.")

DIRECTORY = Path(os.environ["IDENTITY_DIRECTORY"])
SECRET_KEY = os.environ["IDENTITY_SECRET_KEY"]
ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DIRECTORY / "identity.sqlite3"}}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "allauth",
    "allauth.account",
    "allauth.idp.oidc",
]
# The database is made anew for every world: today's tables at once are quicker than their history.
MIGRATION_MODULES = dict.fromkeys(("auth", "contenttypes", "sessions", "account", "allauth_idp_oidc"))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "sandbox.identity.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
# Passwords of a throw-away world, whose hashes nobody keeps.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ACCOUNT_ADAPTER = "sandbox.identity.provider.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False
IDP_OIDC_ADAPTER = "sandbox.identity.provider.Provider"
IDP_OIDC_PRIVATE_KEY = os.environ["IDENTITY_PRIVATE_KEY"]
IDP_OIDC_ACCESS_TOKEN_EXPIRES_IN = 600
IDP_OIDC_RATE_LIMITS = False
# Cookies know no ports: the product listens on the same address.
SESSION_COOKIE_NAME = "identity_session"
CSRF_COOKIE_NAME = "identity_csrf"
USE_TZ = True
USE_I18N = False
LOGIN_REDIRECT_URL = "/"
