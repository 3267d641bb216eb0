"""The web process: `gunicorn accessrequests.wsgi:application`."""

from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "accessrequests.settings")
os.environ.setdefault("ACCESS_ROLE", "web")

application = get_wsgi_application()
# Loaded once, before gunicorn forks, and not during the first person's request.
get_resolver().url_patterns  # noqa: B018 - reading it is what loads it
# It is never garbage: no collection looks at it again, which in the middle of an answer takes a tenth of a second, and the
# forked processes go on sharing it (Python library reference, gc.freeze).
gc.collect()
gc.freeze()
