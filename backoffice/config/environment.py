"""What the process is told by its environment, and the refusal to start on a weak production environment.

Three modes:

- *production*, the default: every variable of `REQUIRED` must be present and strong.
- *development*, `DEBUG=1`: PostgreSQL and Valkey come from their wheels, keys are generated once and kept in `.run/`.
- *tests*: under pytest, which sets `PYTEST_VERSION` itself. Like development, with a cluster and keys of its own.
"""

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

REQUIRED = ("SECRET_KEY", "FIELD_KEYS", "ALLOWED_HOSTS", "DATABASE_URL", "CELERY_BROKER_URL")

SHORTEST_SECRET_KEY = 50
GATEWAY_SECRET_PREFIX = "GATEWAY_SECRET_"  # noqa: S105 - the beginning of names, no secret
RAIL_SECRET_PREFIX = "RAIL_SECRET_"  # noqa: S105 - the beginning of names, no secret
SHORTEST_SHARED_SECRET = 32
FEWEST_DIFFERENT_CHARACTERS = 12
FIELD_KEY_BYTES = 32
DATABASE_SCHEMES = ("postgresql://", "postgres://")
HTTP_SCHEMES = ("http://", "https://")
BROKER_SCHEMES = ("redis://", "rediss://", "redis+socket://", "sentinel://", "amqp://", "amqps://")

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"", "0", "false", "no", "off"})


class UnsafeEnvironment(Exception):
    """A production start was refused; the message names every variable that is missing or weak, and why."""

    def __init__(self, *, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        lines = [f"  {name}: {reason}" for name, reason in self.problems.items()]
        super().__init__(
            "Refusing to start: the environment is not safe for production.\n"
            + "\n".join(lines)
            + "\nSet these variables, or set DEBUG=1 on a development machine. See docs/runbooks/production.md."
        )


def is_on(*, environment: Mapping[str, str], name: str, default: bool = False) -> bool:
    """Reads a yes/no variable. Raises `UnsafeEnvironment` for a word that is neither."""
    if name not in environment:
        return default
    word = environment[name].strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise UnsafeEnvironment(problems={name: f"is {environment[name]!r}; use 1 or 0"})


def is_bare(*, environment: Mapping[str, str]) -> bool:
    """True when nothing says where this process runs: a person at a fresh clone, so `manage.py` means development."""
    return not any(name in environment for name in (*REQUIRED, "DEBUG"))


def check_production(*, environment: Mapping[str, str]) -> None:
    """Raises `UnsafeEnvironment` naming all the variables that are missing or weak, at once."""
    judges = {
        "SECRET_KEY": weakness_of_secret_key,
        "FIELD_KEYS": weakness_of_field_keys,
        "ALLOWED_HOSTS": weakness_of_allowed_hosts,
        "DATABASE_URL": weakness_of_database_url,
        "CELERY_BROKER_URL": weakness_of_broker_url,
    }
    problems: dict[str, str] = {}
    for name in REQUIRED:
        value = environment.get(name, "").strip()
        reason = "is missing" if not value else judges[name](value)
        if reason:
            problems[name] = reason
    if problems:
        raise UnsafeEnvironment(problems=problems)


def weakness_of_secret_key(value: str, /) -> str:
    """Why the signing key is too weak; empty when it is fine."""
    if len(value) < SHORTEST_SECRET_KEY:
        return f"is weak: {len(value)} characters, at least {SHORTEST_SECRET_KEY} are needed"
    if len(set(value)) < FEWEST_DIFFERENT_CHARACTERS:
        return f"is weak: fewer than {FEWEST_DIFFERENT_CHARACTERS} different characters"
    if value.startswith("django-insecure-"):
        return "is weak: a generated development key"
    return ""


def weakness_of_field_keys(value: str, /) -> str:
    """Why the list of field encryption keys ("id:base64,...", first active) cannot be used; empty when it is fine."""
    seen: set[str] = set()
    for entry in value.split(","):
        key_id, separator, encoded = entry.strip().partition(":")
        if not separator or not key_id:
            return "is malformed: write id:base64key[,id:base64key...], the active key first"
        if key_id in seen:
            return f"is malformed: the key id {key_id!r} occurs twice"
        seen.add(key_id)
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return f"is malformed: the key {key_id!r} is not base64"
        if len(key) != FIELD_KEY_BYTES:
            return f"is weak: the key {key_id!r} has {len(key)} bytes, {FIELD_KEY_BYTES} are needed"
        if len(set(key)) < FEWEST_DIFFERENT_CHARACTERS:
            return f"is weak: the key {key_id!r} is not random"
    return ""


def weakness_of_allowed_hosts(value: str, /) -> str:
    """Why the list of host names cannot be used; empty when it is fine."""
    if "*" in [host.strip() for host in value.split(",")]:
        return "is weak: '*' answers to any host name; list the names"
    return ""


def weakness_of_database_url(value: str, /) -> str:
    """Why the database address cannot be used; empty when it is fine."""
    if not value.startswith(DATABASE_SCHEMES):
        return "is malformed: write postgresql://user:password@host:5432/name"
    return ""


def weakness_of_broker_url(value: str, /) -> str:
    """Why the broker address cannot be used; empty when it is fine."""
    if not value.startswith(BROKER_SCHEMES):
        return "is malformed: write a redis:// or amqp:// address"
    return ""


def shared_secrets(*, environment: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The secrets shared with partners (gateways, rails) by their code; raises `UnsafeEnvironment` for a short one."""
    secrets_by_code: dict[str, str] = {}
    for name, value in environment.items():
        if not name.startswith(prefix) or not value.strip():
            continue
        if len(value.strip()) < SHORTEST_SHARED_SECRET:
            reason = f"is weak: {len(value.strip())} characters, at least {SHORTEST_SHARED_SECRET} are needed"
            raise UnsafeEnvironment(problems={name: reason})
        code = name.removeprefix(prefix).lower().replace("_", "-")
        secrets_by_code[code] = value.strip()
    return secrets_by_code


def sandbox_url(*, environment: Mapping[str, str]) -> str:
    """Where the sandbox of a demo listens; empty without one. Raises `UnsafeEnvironment` for what is no address."""
    url = environment.get("SANDBOX_URL", "").strip().rstrip("/")
    if url and not (url.startswith(HTTP_SCHEMES) and urlsplit(url).hostname):
        raise UnsafeEnvironment(problems={"SANDBOX_URL": "is malformed: write http://127.0.0.1:8100"})
    return url


def new_secret_key() -> str:
    """A fresh signing key."""
    return secrets.token_urlsafe(64)


def new_field_key(*, key_id: str) -> str:
    """A fresh field encryption key as one entry of `FIELD_KEYS`."""
    return f"{key_id}:{base64.b64encode(secrets.token_bytes(FIELD_KEY_BYTES)).decode('ascii')}"


def kept(*, path: Path, value: str) -> str:
    """The text kept at `path`; on first use `value` is written there, readable by its owner only.

    Two processes that start together agree: the first one to create the file wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(value, encoding="ascii")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii").strip()
