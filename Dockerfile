# One image for every process of the product; the command decides which (docker-compose.yml). It holds no embedded
# server, no test and no sandbox: those belong to requirements/servers.txt and never leave a developer's machine.
FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /srv/access-requests

COPY requirements/base.txt requirements/base.txt
RUN pip install --no-cache-dir --only-binary=:all: --no-deps --require-hashes -r requirements/base.txt

# A fixed number, so that volumes and secret files can be given to exactly this user.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin access \
    && install -d -o access -g access -m 0750 /var/lib/access-requests /var/lib/access-requests-sweep

COPY . .
# The code belongs to root: a process that is taken over cannot rewrite itself.
RUN python -m compileall -q accessrequests workers \
    && ACCESS_ROLE=web ACCESS_SECRET_KEY=only-while-the-image-is-built-only-while-the-image-is-built \
       DATABASE_URL=postgres://nobody@localhost/none python manage.py collectstatic --no-input --verbosity 0

USER 10001
EXPOSE 8443
CMD ["gunicorn", "accessrequests.wsgi:application", "-k", "gthread"]
