"""Settings of the console. Everything that differs between sites comes from the environment."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from orthanc_console import places
from orthanc_console.env import SQLITE, database, env, field_keys, private_folder, secret_key
from orthanc_console.version import VERSION

if places.INSTALLED:
    # Commands by hand see the same settings as the services.
    env.read_env(places.SERVICE_SETTINGS)
BASE_DIR = places.PACKAGES
FILES_DIR = places.FILES
DATA_DIR = private_folder(Path(env.str("DATA_DIR", default="") or places.data_dir()).resolve())

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = secret_key(DATA_DIR)
FIELD_KEYS = field_keys(DATA_DIR)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "django_crontab",
    "axes",
    "csp",
    "orthanc_console.accounts",
    "orthanc_console.audit",
    "orthanc_console.nodes",
    "orthanc_console.agent",
    "orthanc_console.dashboard",
    "orthanc_console.keeping",
    "routing",
    "intercept",
    "purge",
]

MIDDLEWARE = [
    "orthanc_console.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "orthanc_console.refusals.KnownHostMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "orthanc_console.refusals.DatabaseAwayMiddleware",
]

ROOT_URLCONF = "orthanc_console.urls"
WSGI_APPLICATION = "orthanc_console.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [FILES_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "orthanc_console.dashboard.context.chrome",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "django.contrib.humanize.templatetags.humanize",
                "orthanc_console.dashboard.templatetags.console",
            ],
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
        },
    }
]

DATABASES: dict[str, dict[str, Any]] = {"default": database(DATA_DIR)}
if DATABASES["default"]["ENGINE"] == SQLITE:
    # A write transaction that starts as a reader cannot wait for its turn; IMMEDIATE can.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["OPTIONS"] = {
        # A server whose machine or network goes mute says no goodbye. In seconds, but the last in milliseconds.
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "tcp_user_timeout": 10_000,
        **DATABASES["default"].get("OPTIONS", {}),
        # Far more threads than connections: a request that waits for something gives its connection back meanwhile.
        "pool": {
            "min_size": 1,
            "max_size": 10,
            "timeout": 5,
            # Else the attempts come ever later, and the console is away as long again as the database was. After
            # these seconds the next request makes one at once.
            "reconnect_timeout": 2,
        },
    }
    DATABASES["default"]["ENGINE"] = "orthanc_console.postgresql"
    # The pool keeps them.
    DATABASES["default"]["CONN_MAX_AGE"] = 0
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "orthanc_console.accounts.views.locked_out"
AXES_VERBOSE = False

SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "orthanc_console.dashboard.views.csrf_failure"
# A console that is reached over https says so by its trusted origins; without one it runs on plain http.
SERVED_OVER_HTTPS = any(origin.startswith("https://") for origin in CSRF_TRUSTED_ORIGINS)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SERVED_OVER_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SERVED_OVER_HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if SERVED_OVER_HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ("/api/docs/",),
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    },
}

# The largest body that any request may have; a sync batch is split far below it.
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [FILES_DIR / "locale"]
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
# An image has them collected and compressed there; elsewhere they are found where they lie.
COLLECTED_STATIC = env.str("STATIC_ROOT", default="")
STATIC_ROOT = Path(COLLECTED_STATIC or DATA_DIR / "static")
STATICFILES_DIRS = [
    FILES_DIR / "static",
    ("vendor/tabler", FILES_DIR / "node_modules" / "@tabler" / "core" / "dist" / "css"),
]
ICONS_DIR = FILES_DIR / "node_modules" / "@tabler" / "icons" / "icons"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = not COLLECTED_STATIC

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "orthanc_console.accounts.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["orthanc_console.accounts.permissions.RolePermission"],
    "DEFAULT_PAGINATION_CLASS": "orthanc_console.pagination.NewestFirst",
    "PAGE_SIZE": 50,
    "DEFAULT_FILTER_BACKENDS": ["orthanc_console.rest.StrictFilter"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "orthanc_console.rest.handle",
    "DEFAULT_THROTTLE_RATES": {"failed_token": "30/min"},
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Orthanc Console",
    "DESCRIPTION": "Routing, purging and C-MOVE interception for Orthanc.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    # Both have a field of that name.
    "ENUM_NAME_OVERRIDES": {
        "DeliveryStateEnum": "routing.models.delivery.State",
        "LaneStateEnum": "routing.models.destination.Lane.State",
        "PurgeRunStateEnum": "purge.models.run.State",
        "WebhookStateEnum": "intercept.models.DeliveryState",
    },
}

# One line that never changes: django-crontab loses its own lines once they differ. What is due is in the database.
CRONJOBS = [("* * * * *", "purge.cron.tick")]
# Under cron the environment is empty; `manage.py install_schedule` writes down what the console needs of it.
SCHEDULE_ENVIRONMENT = DATA_DIR / "schedule.env"
CRONTAB_COMMAND_PREFIX = f". {shlex.quote(str(SCHEDULE_ENVIRONMENT))};"
CRONTAB_DJANGO_MANAGE_PATH = str(places.MANAGE)
CRONTAB_EXECUTABLE = env.str("CRONTAB_EXECUTABLE", default="crontab")
CRONTAB_COMMENT = "orthanc-console"

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "orthanc_console.middleware.RequestIdFilter"},
        "ordinary": {"()": "orthanc_console.middleware.WithoutTraceback"},
    },
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"}
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    # At INFO it writes four lines for each sign-in that went well; what it refuses is a warning.
    "loggers": {
        "axes": {"level": "WARNING"},
        "django.request": {"filters": ["ordinary"]},
        # The error that follows tells it; "serve" lets it warn, as nobody waits for a command there.
        "psycopg.pool": {"level": "ERROR"},
    },
}
