"""Django settings. The environment decides the mode (`environment.py`); nothing here asks for the host's name."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _
from psycopg.conninfo import conninfo_to_dict

from backoffice.config import environment

BASE_DIR = Path(__file__).resolve().parents[2]
RUN_DIR = Path(os.environ.get("RUN_DIR", BASE_DIR / ".run")).resolve()

# ------------------------------------------------------------------------------------------------- mode and secrets

TESTING = "PYTEST_VERSION" in os.environ
DEBUG = not TESTING and environment.is_on(environment=os.environ, name="DEBUG")
PRODUCTION = not (TESTING or DEBUG)

if PRODUCTION:
    environment.check_production(environment=os.environ)
    SECRET_KEY = os.environ["SECRET_KEY"]
    FIELD_KEYS = os.environ["FIELD_KEYS"]
    ALLOWED_HOSTS = [host.strip() for host in os.environ["ALLOWED_HOSTS"].split(",")]
else:
    kept_in = RUN_DIR / ("test-keys" if TESTING else "keys")
    SECRET_KEY = os.environ.get("SECRET_KEY") or environment.kept(
        path=kept_in / "secret_key", value=environment.new_secret_key()
    )
    # "id:base64key[,id:base64key...]"; the first one encrypts, all of them decrypt.
    FIELD_KEYS = os.environ.get("FIELD_KEYS") or environment.kept(
        path=kept_in / "field_keys", value=environment.new_field_key(key_id="development")
    )
    ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "testserver"]

# Plain HTTP is for a demo on one's own machine: browsers send `Secure` cookies over TLS only.
PLAIN_HTTP = not PRODUCTION or environment.is_on(environment=os.environ, name="PLAIN_HTTP")

# ------------------------------------------------------------------------------------------------------ applications

DJANGO_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
]
LIBRARIES = [
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_htmx",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "axes",
    "csp",
    "django_celery_beat",
]
# From the top layer down; the console comes first so that its templates win.
OWN_APPS = [
    "backoffice.config",
    "backoffice.console",
    "backoffice.dayend",
    "backoffice.repayment",
    "backoffice.outreach",
    "backoffice.customers",
    "backoffice.audit",
    "backoffice.staff",
    "backoffice.calendars",
]
# whitenoise comes before staticfiles so that `runserver` serves files exactly as production does.
INSTALLED_APPS = ["whitenoise.runserver_nostatic", *OWN_APPS, *DJANGO_APPS, *LIBRARIES]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MIDDLEWARE = [
    "backoffice.audit.middleware.RequestIds",
    "backoffice.core.api.problems.ProblemsForApi",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "backoffice.config.middleware.PermissionsPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "backoffice.staff.middleware.Door",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "backoffice.config.urls"
WSGI_APPLICATION = "backoffice.config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.template.context_processors.tz",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "backoffice.console.context.shell",
            ],
        },
    },
]

# ---------------------------------------------------------------------------------------------------------- database

# No address means the cluster from the wheel; only then are the development requirements needed.
DATABASE_URL = os.environ.get("DATABASE_URL", "").strip()
CLUSTER = None
if not DATABASE_URL:
    from backoffice.config.services.postgres import Cluster

    CLUSTER = Cluster(data=RUN_DIR / ("postgres-test" if TESTING else "postgres"), durable=not TESTING)

_address = conninfo_to_dict(CLUSTER.url() if CLUSTER else DATABASE_URL)
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "backoffice.config.database" if CLUSTER else "django.db.backends.postgresql",
        "NAME": _address.pop("dbname", ""),
        "USER": _address.pop("user", ""),
        "PASSWORD": _address.pop("password", ""),
        "HOST": _address.pop("host", ""),
        "PORT": _address.pop("port", ""),
        # The pool keeps connections; Django must not keep its own beside it.
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
        # Statements that ask for it are planned once a connection: planning the gate costs more than its answer.
        "OPTIONS": _address | {"prepare_threshold": 5},
        "CLUSTER": CLUSTER,
    }
}
if not TESTING:
    # Tests hand the database from one to the next; a pool's threads would keep it open.
    DATABASES["default"]["OPTIONS"] |= {
        "pool": {
            "min_size": 1,
            "max_size": int(os.environ.get("DATABASE_POOL_SIZE", "8")),
            "timeout": 10,
            "max_idle": 300,
        }
    }

# ------------------------------------------------------------------------------------------------ people and sessions

AUTH_USER_MODEL = "staff.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
# The second hasher is only for tests, which make many users and check no hash.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher" if TESTING else "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.Argon2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "staff:login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "staff:login"
OTP_TOTP_ISSUER = "Backoffice"

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
# Without a callable of ours axes puts a bare text of its own in the place of the login page.
AXES_LOCKOUT_CALLABLE = "backoffice.staff.console.entrance.locked_answer"

# A session ends after half an hour without a request, and after a working day whatever happens; `staff` notes its use
# once a minute, so that reading a page writes nothing.
SESSION_IDLE_SECONDS = 30 * 60
SESSION_ABSOLUTE_SECONDS = 12 * 60 * 60
SESSION_COOKIE_AGE = SESSION_IDLE_SECONDS
SESSION_SAVE_EVERY_REQUEST = False
SESSION_EXPIRE_AT_BROWSER_CLOSE = False
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = not PLAIN_HTTP
CSRF_FAILURE_VIEW = "backoffice.console.errors.csrf_failure"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = not PLAIN_HTTP
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if PRODUCTION and not host.startswith(".")]

# ---------------------------------------------------------------------------------------------------- browser armour

SECURE_SSL_REDIRECT = not PLAIN_HTTP
SECURE_HSTS_SECONDS = 0 if PLAIN_HTTP else 365 * 24 * 60 * 60
SECURE_HSTS_INCLUDE_SUBDOMAINS = not PLAIN_HTTP
SECURE_HSTS_PRELOAD = not PLAIN_HTTP
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if not PLAIN_HTTP else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
# Nothing a lender's screen needs: every powerful browser feature is off.
PERMISSIONS_POLICY: dict[str, tuple[str, ...]] = dict.fromkeys(
    (
        "accelerometer",
        "autoplay",
        "browsing-topics",
        "camera",
        "display-capture",
        "encrypted-media",
        "fullscreen",
        "geolocation",
        "gyroscope",
        "hid",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "picture-in-picture",
        "serial",
        "usb",
        "xr-spatial-tracking",
    ),
    (),
)

# --------------------------------------------------------------------------------------------- language, time, money

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = not PLAIN_HTTP
USE_I18N = True
FORMAT_MODULE_PATH = "backoffice.config.formats"
USE_TZ = True
# The lender's zone: what "today" means on a screen. The business date itself is data (calendars).
LENDER_TIME_ZONE = os.environ.get("LENDER_TIME_ZONE", "Asia/Shanghai")
TIME_ZONE = LENDER_TIME_ZONE

# ------------------------------------------------------------------------------------------------------ static, media

STATIC_URL = "static/"
STATIC_ROOT = Path(os.environ.get("STATIC_ROOT", RUN_DIR / "static"))
MEDIA_ROOT = Path(os.environ.get("MEDIA_ROOT", RUN_DIR / "media"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_KEEP_ONLY_HASHED_FILES = False
# Payment files are big; they are spooled to disk, and the import itself reports progress.
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_PERMISSIONS = 0o640

# --------------------------------------------------------------------------------------------------------------- API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "backoffice.staff.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    # An endpoint that names no permission is closed to everyone.
    "DEFAULT_PERMISSION_CLASSES": ["backoffice.core.access.HasPermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["backoffice.core.api.parsing.DecimalJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "backoffice.core.api.pagination.CursorPages",
    "DEFAULT_SCHEMA_CLASS": "backoffice.core.api.schema.Schema",
    "DEFAULT_THROTTLE_CLASSES": ["backoffice.core.api.throttling.RoleThrottle"],
    "EXCEPTION_HANDLER": "backoffice.core.api.problems.exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
    "UNICODE_JSON": True,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# Calls per person: {scope: {role, "default" or "anonymous": rate}}; the best of a person's roles counts.
API_RATES = {
    "read": {"anonymous": "60/minute", "default": "1200/minute", "admin": "6000/minute"},
    "write": {"anonymous": "10/minute", "default": "600/minute", "admin": "6000/minute"},
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Backoffice",
    "DESCRIPTION": "Loans, payments and the day end of a lender. Amounts are decimal strings, a currency beside them.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # The apps as a table of contents: all operations at once are more than a page of it can draw.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "docExpansion": "none", "defaultModelsExpandDepth": -1},
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    # Names for sets of choices that several endpoints share, or whose field is just called "state".
    "ENUM_NAME_OVERRIDES": {
        "AutopaySimulationState": "backoffice.repayment.api.autopay.configuration_shapes.SIMULATION_STATES",
        "BillState": ["paid", "overdue", "due", "partly", "planned"],
        "CampaignFull": ["", "cap", "budget"],
        "CampaignOutcome": "backoffice.repayment.api.campaign_shapes.OUTCOMES",
        "CampaignPurpose": "backoffice.repayment.api.campaign_shapes.CAMPAIGN_PURPOSES",
        "CampaignState": "backoffice.repayment.api.campaign_shapes.STATES",
        "BusinessDayState": "backoffice.calendars.models.DayState",
        "ClaimKind": ["per_instalment", "whole_loan"],
        "ContactKind": "backoffice.customers.models.ContactPoint.Kind",
        "BreakerKind": "backoffice.repayment.api.autopay.debit_shapes.BREAKER_KINDS",
        "BreakerState": ["open", "closed"],
        "DebitBatchState": "backoffice.repayment.models.DebitBatch.State",
        "DebitBillState": "backoffice.repayment.api.autopay.debit_shapes.BILL_STATES",
        "DebitCut": "backoffice.repayment.api.autopay.debit_shapes.CUTS",
        "DebitFamily": "backoffice.repayment.api.autopay.debit_shapes.FAMILIES",
        "DebitState": "backoffice.repayment.api.autopay.debit_shapes.DEBIT_STATES",
        "AutopayVersionState": "backoffice.repayment.api.autopay.configuration_shapes.STATES",
        "DayEndState": "backoffice.dayend.models.DayEndRun.State",
        "EffectVerdict": ["more", "less", "unclear", "too_few"],
        "ExperimentState": "backoffice.outreach.models.Experiment.State",
        "FutureRule": ["suspense", "next_installment", "last_installment", "reduce_installment", "shorten_term"],
        "BulkHoldReason": "backoffice.repayment.api.bulk_holds.REASONS",
        "BulkHoldState": "backoffice.repayment.api.bulk_holds.STATES",
        "HoldReason": "backoffice.customers.api.hold_shapes.REASONS",
        "HoldScope": ["calls", "texts", "debit", "penalty", "aging"],
        "HoldState": ["coming", "running", "over"],
        "LoanStatus": "backoffice.repayment.models.Loan.Status",
        "PlanVersionState": "backoffice.repayment.api.reminder_shapes.STATES",
        "StopCondition": "backoffice.repayment.api.reminder_shapes.STOPS",
        "AppChannel": ["inbox", "popup"],
        "ConsentKind": ["consent", "callback", "revoked", "opt_out", "opt_in"],
        "ContactChannel": ["call", "bot", "sms", "email", "push", "inbox", "popup", "letter"],
        "PreferenceKind": ["only", "never"],
        "ContactPurpose": [
            "notice",
            "reply",
            "help",
            "service",
            "collection",
            "reminder",
            "repeat",
            "recall",
            "marketing",
        ],
        "GatewayState": ["no_secret", "paused", "troubled", "well", "idle"],
        "MessageChannel": ["bot", "email", "inbox", "letter", "popup", "push", "sms"],
        "MessageLanguage": ["en", "zh-hans"],
        "MessageState": [
            "planned",
            "sending",
            "sent",
            "delivered",
            "read",
            "replied",
            "unknown",
            "failed",
            "stopped",
            "expired",
            "blocked",
        ],
        "ReplyKind": ["stop", "other", "unmatched"],
        "ReplyState": ["open", "done"],
        "SmsEncoding": ["gsm7", "ucs2"],
        "TemplateState": ["draft", "submitted", "active", "retired"],
        "MandateKind": "backoffice.repayment.models.Mandate.Kind",
        "MandateState": "backoffice.repayment.api.autopay.mandate_shapes.MANDATE_STATES",
        "MetricKind": "backoffice.outreach.models.Metric.Kind",
        "OperationKind": "backoffice.repayment.models.Operation.Kind",
        "PackVersionState": "backoffice.outreach.models.RulePackVersion.State",
        "PayeeKind": "backoffice.repayment.models.Payee.Kind",
        "PaymentFileState": "backoffice.repayment.models.PaymentFile.State",
        "RailKind": "backoffice.repayment.models.Rail.Kind",
        "ShiftConvention": ["none", "next", "previous", "modified_following"],
    },
}

# -------------------------------------------------------------------------------------------- messages to borrowers

# How the house signs its messages, the number it is called on, and the link into its app.
LENDER_NAME = os.environ.get("LENDER_NAME", "Backoffice")
LENDER_PHONE = os.environ.get("LENDER_PHONE", "" if PRODUCTION else "010-5550-0100")
LENDER_APP_LINK = os.environ.get("LENDER_APP_LINK", "" if PRODUCTION else "https://app.example.org/pay")
# How borrowers reach this site, for the pay links in messages: "https://pay.example.com". Empty: messages carry none.
PAY_LINK_SITE = os.environ.get("PAY_LINK_SITE", "" if PRODUCTION else "https://pay.example.org")
# How often the page of a pay link may be opened from one address, and how often one link may be paid from.
PAY_PAGE_RATES = {"open": "120/minute", "pay": "10/minute"}
# GATEWAY_SECRET_<CODE> is the secret shared with the gateway of that code: `GATEWAY_SECRET_SMS_MAIN` for "sms-main".
GATEWAY_SECRETS = environment.shared_secrets(environment=os.environ, prefix=environment.GATEWAY_SECRET_PREFIX)
# How staff reach this site, for the links in what they are paged about.
STAFF_SITE = os.environ.get("STAFF_SITE", "")
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = os.environ.get("EMAIL_HOST", "localhost")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "25"))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = environment.is_on(environment=os.environ, name="EMAIL_USE_TLS")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "messages@localhost")

# --------------------------------------------------------------------------------------------------------- debit rails

# RAIL_SECRET_<CODE> is the secret shared with the rail of that code: `RAIL_SECRET_UNION_MAIN` for "union-main".
RAIL_SECRETS = environment.shared_secrets(environment=os.environ, prefix=environment.RAIL_SECRET_PREFIX)

# Where the sandbox of a demo listens. With it administrators have a page to play the bank; in production it is empty.
SANDBOX_URL = environment.sandbox_url(environment=os.environ)

# ------------------------------------------------------------------------------------------------------ queue, cache

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "").strip()
CACHE_URL = os.environ.get("CACHE_URL", "").strip()
if DEBUG and not CELERY_BROKER_URL:
    from backoffice.config.services import valkey

    # The demo's queue while the demo runs. A command run beside no queue does its tasks itself.
    _queue = valkey.Server(data=RUN_DIR / "valkey")
    if valkey.process_id(server=_queue) is not None:
        CELERY_BROKER_URL = _queue.broker_url
        CACHE_URL = CACHE_URL or _queue.cache_url
CELERY_TASK_ALWAYS_EAGER = TESTING or not CELERY_BROKER_URL
CELERY_TASK_EAGER_PROPAGATES = TESTING
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
# A task is taken off the queue when it is done, not when it is begun: a killed worker's tasks are run again.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 60 * 60
CELERY_TASK_SOFT_TIME_LIMIT = 55 * 60
# Longer than any task may run, so that a slow task is not handed out twice.
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {"visibility_timeout": 2 * 60 * 60} if CELERY_BROKER_URL.startswith(("redis", "sentinel")) else {}
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = TIME_ZONE
CELERY_ENABLE_UTC = True
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
# The first rows of the schedule; administrators edit them afterwards. Seconds between runs.
CELERY_BEAT_SCHEDULE = {
    "hand on what waits in the outbox": {"task": "audit.dispatch_outbox", "schedule": 10.0},
    "take up day ends that a killed worker left": {"task": "dayend.sweep", "schedule": 60.0},
    "take up payment files that a killed worker left": {"task": "repayment.take_up_payment_files", "schedule": 60.0},
    # One that finds no free worker in time is dropped: the next one does its work.
    "send the messages that are due": {"task": "outreach.send_due", "schedule": 5.0, "options": {"expires": 10.0}},
    "ask what became of messages": {"task": "outreach.resolve_unknown", "schedule": 10.0, "options": {"expires": 20.0}},
    "begin the slots of autopay": {"task": "repayment.begin_debits", "schedule": 20.0, "options": {"expires": 20.0}},
    "send the debits that are due": {"task": "repayment.submit_debits", "schedule": 5.0, "options": {"expires": 10.0}},
    "exchange files with banks": {"task": "repayment.exchange_files", "schedule": 20.0, "options": {"expires": 30.0}},
    "ask what became of debits": {"task": "repayment.resolve_debits", "schedule": 10.0, "options": {"expires": 20.0}},
    "fetch settlement files": {"task": "repayment.fetch_settlements", "schedule": 300.0, "options": {"expires": 300.0}},
    "page again about open breakers": {"task": "repayment.page_owners", "schedule": 60.0, "options": {"expires": 60.0}},
    "page about old differences": {"task": "repayment.page_old_differences", "schedule": 600.0},
    "tell rails about agreements": {"task": "repayment.tell_rails", "schedule": 30.0, "options": {"expires": 60.0}},
    "take up imports that a killed worker left": {"task": "repayment.take_up_imports", "schedule": 60.0},
    "discard tapes nobody decided on": {"task": "repayment.discard_forgotten_imports", "schedule": 24 * 3600.0},
    "write down which holds have run out": {"task": "customers.note_expired_holds", "schedule": 3600.0},
    "close the days that are over": {"task": "dayend.close_past_days", "schedule": crontab(hour=0, minute=5)},
    "throw away old events": {"task": "audit.purge_outbox", "schedule": 24 * 3600.0},
    "throw away old answers": {"task": "audit.purge_answers", "schedule": 24 * 3600.0},
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# Rate limits count in the cache, so several web processes need a shared one.
if not CACHE_URL and CELERY_BROKER_URL.startswith(("redis://", "rediss://")):
    CACHE_URL = CELERY_BROKER_URL
CACHES: dict[str, dict[str, object]] = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
if CACHE_URL and not TESTING:
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
        "KEY_PREFIX": "backoffice",
    }

# ----------------------------------------------------------------------------------------------------------- logging

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "WARNING" if TESTING else "INFO")},
    "loggers": {"axes": {"level": "WARNING"}},
}
