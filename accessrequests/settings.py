"""Every setting, from the environment only. A secret X may also come from the file that X_FILE names.

`docs/operating.md` explains each variable. The process's role (`ACCESS_ROLE`) decides which rooms are installed:
the web never loads the workers, Celery or a driver of a target, and workers and the relay never a page.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from accessrequests import log_lines
from accessrequests.environment import SecretFiles, is_ancestor

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()
env.ENVIRON = SecretFiles()

ACCESS_ROLE = env.str("ACCESS_ROLE", "operator")
if ACCESS_ROLE not in {"web", "worker", "relay", "operator", "sweep"}:
    raise ImproperlyConfigured("ACCESS_ROLE must be web, worker, relay, operator or sweep.")
# The sweep is for the day when nothing but the targets is there: it signs nothing, and knows no database of ours.
_is_sweep = ACCESS_ROLE == "sweep"

ACCESS_SANDBOX = env.int("ACCESS_SANDBOX", 0)
if ACCESS_SANDBOX and not is_ancestor(ACCESS_SANDBOX):
    raise ImproperlyConfigured("ACCESS_SANDBOX is only for processes that `manage.py sandbox` has started. Unset it.")

SHORTEST_SECRET_KEY = 50
SECRET_KEY = secrets.token_hex(SHORTEST_SECRET_KEY) if _is_sweep else env.str("ACCESS_SECRET_KEY")
if len(SECRET_KEY) < SHORTEST_SECRET_KEY:
    raise ImproperlyConfigured(
        "ACCESS_SECRET_KEY must have at least 50 characters. Make one with `openssl rand -hex 32`."
    )
DEBUG = False

ACCESS_BASE_URL = env.str("ACCESS_BASE_URL", "https://localhost")
_origin = urlsplit(ACCESS_BASE_URL)
_secure = _origin.scheme == "https"
if not (_secure or ACCESS_SANDBOX):
    raise ImproperlyConfigured("ACCESS_BASE_URL must start with https://.")
ALLOWED_HOSTS = env.list("ACCESS_ALLOWED_HOSTS", default=[_origin.hostname or "localhost"])
CSRF_TRUSTED_ORIGINS = [f"{_origin.scheme}://{_origin.netloc}"]

# -- Identity of this installation, and its keys -------------------------------------------------
ACCESS_INSTALLATION = env.str("ACCESS_INSTALLATION", "main")
if not re.fullmatch(r"[a-z0-9]{4,12}", ACCESS_INSTALLATION):
    raise ImproperlyConfigured("ACCESS_INSTALLATION must be 4 to 12 small letters and digits, like acme1.")
ACCESS_SEALING_KEYS = env.str("ACCESS_SEALING_KEYS", "")
ACCESS_TAG_KEY = env.str("ACCESS_TAG_KEY", "")
ACCESS_TARGETS_FILE = env.str("ACCESS_TARGETS_FILE", "")
ACCESS_SCHEDULES_FILE = env.str("ACCESS_SCHEDULES_FILE", "")
ACCESS_WEBHOOKS_FILE = env.str("ACCESS_WEBHOOKS_FILE", "")
ACCESS_X509_AUTHORITY = env.str("ACCESS_X509_AUTHORITY", "")
ACCESS_SWEEP_FILE = env.str("ACCESS_SWEEP_FILE", "")
ACCESS_ANCHOR_FILE = env.str("ACCESS_ANCHOR_FILE", "")
ACCESS_ANCHOR_SEED = env.str("ACCESS_ANCHOR_SEED", "")
ACCESS_ANCHOR_PUBLIC_KEY = env.str("ACCESS_ANCHOR_PUBLIC_KEY", "")

# -- Pace -----------------------------------------------------------------------------------------
ACCESS_CALLS_PER_SECOND = env.int("ACCESS_CALLS_PER_SECOND", 20)
ACCESS_RECONCILE_SECONDS = env.int("ACCESS_RECONCILE_SECONDS", 60)
ACCESS_SCHEDULES_SECONDS = env.int("ACCESS_SCHEDULES_SECONDS", 60)
ACCESS_INVENTORY_SECONDS = env.int("ACCESS_INVENTORY_SECONDS", 600)
# Open server-sent event streams that one web process may hold, each with a thread of its own; 0: pages only poll.
ACCESS_LIVE_STREAMS = env.int("ACCESS_LIVE_STREAMS", 0)
ACCESS_METRICS_TOKEN = env.str("ACCESS_METRICS_TOKEN", "")

# -- Database: PostgreSQL only. The application's role owns no table. -----------------------------
DATABASES = {} if _is_sweep else {"default": env.db_url("DATABASE_URL")}
if "DATABASE_OWNER_URL" in env or "DATABASE_OWNER_URL_FILE" in env:
    DATABASES["owner"] = env.db_url("DATABASE_OWNER_URL")
for _database in DATABASES.values():
    if _database["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured("Access Requests runs on PostgreSQL only. Check DATABASE_URL.")
    _database["CONN_MAX_AGE"] = None
    _database["CONN_HEALTH_CHECKS"] = True
    _database.setdefault("OPTIONS", {})
    _database["OPTIONS"].setdefault("connect_timeout", 5)
    # A database host that vanished without a word is noticed within about ten seconds (libpq, keepalives and
    # tcp_user_timeout in ms), and no statement of a process that ends access may wait for ever.
    for _name, _value in {
        "keepalives": 1,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 2,
        "tcp_user_timeout": 10_000,
    }.items():
        _database["OPTIONS"].setdefault(_name, _value)
    _database["OPTIONS"].setdefault("application_name", f"access-{ACCESS_ROLE}")
    # No transaction of ours waits for anything outside. A process that is frozen inside one must not hold its rows, and
    # the lock of the audit trail, against everybody else.
    _limits = "-c idle_in_transaction_session_timeout=5s"
    if ACCESS_ROLE in {"worker", "relay"}:
        _limits += " -c statement_timeout=10s"
    _database["OPTIONS"].setdefault("options", _limits)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Login limits are rows too: Redis holds nothing that matters.
# Room for many of them, so that nobody can push out the count of their own attempts by making others.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "access_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379/0")

# -- Rooms ----------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "accessrequests.apps.AccessRequestsConfig",
    "accessrequests.slack",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_htmx",
    "django_structlog",
    "django_prometheus",
    "csp",
]
if ACCESS_ROLE in {"worker", "relay", "sweep"}:
    INSTALLED_APPS = ["accessrequests.apps.AccessRequestsConfig", "django.contrib.auth", "django.contrib.contenttypes"]
    if not _is_sweep:  # they end sessions, and look whether somebody has a second factor
        INSTALLED_APPS += ["django.contrib.sessions", "allauth", "allauth.account", "allauth.mfa"]
if ACCESS_ROLE != "web":
    INSTALLED_APPS += ["workers"]
if ACCESS_ROLE == "operator" and (BASE_DIR / "sandbox").is_dir():  # an image holds none
    INSTALLED_APPS += ["sandbox"]

MIDDLEWARE = [
    "accessrequests.web.logs.RequestId",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accessrequests.web.zones.OwnTimeZone",
    "accessrequests.web.unsent.KnowsWho",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accessrequests.web.logs.RequestLog",
    "accessrequests.web.headers.PrivatePages",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "accessrequests.urls"
WSGI_APPLICATION = "accessrequests.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accessrequests.web.shell.shell",
            ],
            "builtins": ["accessrequests.web.tags"],
        },
    },
]
STATIC_URL = "/static/"
STATIC_ROOT = env.str("ACCESS_STATIC_ROOT", str(BASE_DIR / "build" / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en"

# -- People and sessions --------------------------------------------------------------------------
AUTH_USER_MODEL = "accessrequests.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accessrequests.web.accounts.ClosedAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_USER_MODEL_USERNAME_FIELD = "username"
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = False
# A name is tried ten times in five minutes; an office behind one address can still sign in.
ACCOUNT_RATE_LIMITS = {"login": "120/m/ip", "login_failed": "30/m/ip,10/5m/key"}
SESSION_COOKIE_AGE = 12 * 3600

# A second factor: an app that shows codes, and recovery codes that are shown once. Its secrets are sealed at rest.
MFA_ADAPTER = "accessrequests.web.second_factor.SealedAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses come from the operator or the provider; nobody verifies them here
MFA_REAUTHENTICATION_REQUIRED = False  # our own pages ask for a fresh sign-in, and count the sign-in itself
MFA_TOTP_ISSUER = "Access Requests"
MFA_TOTP_TOLERANCE = 1

# A provider of sign-ins that speaks OpenID Connect; none, unless an issuer is named. See docs/sign-in.md.
_issuer = env.str("ACCESS_OIDC_ISSUER", "")
ACCESS_OIDC_ISSUER = _issuer.rstrip("/")
ACCESS_OIDC_CLIENT_ID = env.str("ACCESS_OIDC_CLIENT_ID", "")
ACCESS_OIDC_CLIENT_SECRET = env.str("ACCESS_OIDC_CLIENT_SECRET", "")
ACCESS_OIDC_NAME = env.str("ACCESS_OIDC_NAME", "your company's sign-in")
ACCESS_OIDC_SCOPES = env.str("ACCESS_OIDC_SCOPES", "openid profile email")
ACCESS_OIDC_GROUPS_CLAIM = env.str("ACCESS_OIDC_GROUPS_CLAIM", "groups")
ACCESS_OIDC_ACTIVE_CLAIM = env.str("ACCESS_OIDC_ACTIVE_CLAIM", "active")
ACCESS_OIDC_GROUPS = env.dict("ACCESS_OIDC_GROUPS", default={})
ACCESS_OIDC_ASK_SECONDS = env.int("ACCESS_OIDC_ASK_SECONDS", 60)
if ACCESS_OIDC_ISSUER and not (ACCESS_OIDC_CLIENT_ID and ACCESS_OIDC_CLIENT_SECRET):
    raise ImproperlyConfigured("ACCESS_OIDC_ISSUER needs ACCESS_OIDC_CLIENT_ID and ACCESS_OIDC_CLIENT_SECRET.")
if ACCESS_OIDC_ISSUER and not (ACCESS_OIDC_ISSUER.startswith("https://") or ACCESS_SANDBOX):
    raise ImproperlyConfigured("ACCESS_OIDC_ISSUER must start with https://.")
SOCIALACCOUNT_ADAPTER = "accessrequests.web.provider.ProviderAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "APPS": [
            {
                "provider_id": "oidc",
                "name": ACCESS_OIDC_NAME,
                "client_id": ACCESS_OIDC_CLIENT_ID,
                "secret": ACCESS_OIDC_CLIENT_SECRET,
                "settings": {
                    "server_url": ACCESS_OIDC_ISSUER,
                    "oauth_pkce_enabled": True,
                    "scope": ACCESS_OIDC_SCOPES.split(),
                },
            }
        ]
        if ACCESS_OIDC_ISSUER
        else []
    }
}
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _secure
SESSION_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "accessrequests.web.errors.csrf_failure"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"

# -- Browser walls --------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = _secure and env.bool("ACCESS_SSL_REDIRECT", True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if _secure else 0
# Whether every other host of the domain is reached by https only, and is to be told to browsers for ever, is not ours.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if env.bool("ACCESS_BEHIND_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = 1  # the login limits count the addresses that the proxy saw
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200

# -- REST -----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accessrequests.api.authentication.PersonalTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accessrequests.api.authentication.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["accessrequests.api.throttling.CallsPerSecond"],
    "DEFAULT_PARSER_CLASSES": ["accessrequests.api.parsing.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "accessrequests.api.pagination.NewestFirst",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "accessrequests.api.parsing.AlwaysJSON",
    "EXCEPTION_HANDLER": "accessrequests.api.problems.answer",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Access Requests",
    "DESCRIPTION": (
        "Ask for scoped, time-boxed database access; decide; use; end; prove.\n\n"
        "1. `GET targets/` and `GET targets/{slug}/roles/`: what can be asked for.\n"
        "2. `POST access-requests/preview/`: what would come of it, and who would have to approve.\n"
        "3. `POST access-requests/`: ask. Where nobody has to approve, `grant` is there at once.\n"
        "4. `POST access-requests/{id}/approve/` or `deny/`, by somebody else: decide, with the `revision` that was "
        "read. The last approval makes the `grant`.\n"
        "5. `GET grants/{id}/` until `credential` is `ready`, then `POST grants/{id}/reveal/`, once: connect with "
        "`connection_string`.\n"
        "6. The access ends at `expires_at`, or before that by `POST grants/{id}/release/` (its holder) or `revoke/`. "
        "`revoked` means that the target has nothing of it left.\n"
        "7. `GET access-requests/{id}/` tells it all in `timeline`; `GET audit-events/verify/` proves it.\n\n"
        "Every error is `application/problem+json` with a `code` for programs and a `detail` for people. Moments are "
        "RFC 3339 in UTC, lengths are ISO 8601 (`PT2H`). Lists are `{next, previous, results}`, newest first."
    ),
    "VERSION": "1",
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "accessrequests.api.documenting.refuse_unknown_fields",
    ],
    "PATH_CONVERTER_OVERRIDES": {"id": {"type": "integer", "format": "int64", "minimum": 1}},
    "ENUM_NAME_OVERRIDES": {
        "AccessRequestState": "accessrequests.api.words.ACCESS_REQUEST_STATES",
        "GrantState": "accessrequests.api.words.GRANT_STATES",
        "GateState": "accessrequests.api.words.GATE_STATES",
        "CustomRoleChangeState": "accessrequests.api.words.CHANGE_STATES",
        "AccessKind": "accessrequests.api.words.KINDS",
        "ApprovalAnswer": "accessrequests.api.words.ANSWERS",
        "ReviewedKind": "accessrequests.api.words.REVIEW_KINDS",
        "ReviewAnswer": "accessrequests.api.words.REVIEW_ANSWERS",
    },
}

# -- Mail -----------------------------------------------------------------------------------------
ACCESS_MAIL_FROM = DEFAULT_FROM_EMAIL = env.str("ACCESS_MAIL_FROM", "access-requests@localhost")
EMAIL_FILE_PATH = env.str("ACCESS_MAIL_DIRECTORY", "")
if EMAIL_FILE_PATH:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
else:
    vars().update(env.email_url("EMAIL_URL", default="smtp://localhost:25"))
EMAIL_TIMEOUT = 5

# -- Slack: off as long as nothing tells who speaks for it. See docs/slack.md. ---------------------
ACCESS_SLACK_MODE = env.str("ACCESS_SLACK_MODE", "http")
if ACCESS_SLACK_MODE not in {"http", "socket"}:
    raise ImproperlyConfigured("ACCESS_SLACK_MODE must be http or socket.")
ACCESS_SLACK_APP_TOKEN = env.str("ACCESS_SLACK_APP_TOKEN", "")
ACCESS_SLACK_SIGNING_SECRETS = env.list("ACCESS_SLACK_SIGNING_SECRETS", default=[])
ACCESS_SLACK_BOT_TOKEN = env.str("ACCESS_SLACK_BOT_TOKEN", "")
ACCESS_SLACK_APP_ID = env.str("ACCESS_SLACK_APP_ID", "")
ACCESS_SLACK_TEAM_ID = env.str("ACCESS_SLACK_TEAM_ID", "")
ACCESS_SLACK_ENTERPRISE_ID = env.str("ACCESS_SLACK_ENTERPRISE_ID", "")
ACCESS_SLACK_CHANNELS = env.dict("ACCESS_SLACK_CHANNELS", default={})
ACCESS_SLACK_API_URL = env.str("ACCESS_SLACK_API_URL", "https://slack.com/api/")
# In Socket Mode nobody calls us, so that nothing is signed: we call Slack, and know whom we have called.
ACCESS_SLACK = bool(ACCESS_SLACK_SIGNING_SECRETS if ACCESS_SLACK_MODE == "http" else ACCESS_SLACK_BOT_TOKEN)
if ACCESS_SLACK and not (ACCESS_SLACK_BOT_TOKEN and ACCESS_SLACK_APP_ID and ACCESS_SLACK_TEAM_ID):
    raise ImproperlyConfigured(
        "Slack needs ACCESS_SLACK_BOT_TOKEN, ACCESS_SLACK_APP_ID and ACCESS_SLACK_TEAM_ID. See docs/slack.md."
    )
if not (ACCESS_SLACK_API_URL.startswith("https://") or ACCESS_SANDBOX):
    raise ImproperlyConfigured("ACCESS_SLACK_API_URL must start with https://.")

# -- Logs -----------------------------------------------------------------------------------------
LOGGING = log_lines.configure(env.str("ACCESS_LOG_LEVEL", "INFO"))
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True  # settled by RequestId: ours, or one that is safe to repeat
