"""The web process: `gunicorn accessrequests.wsgi:application`."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "accessrequests.settings")
os.environ.setdefault("ACCESS_ROLE", "web")

application = get_wsgi_application()
