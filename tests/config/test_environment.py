"""A production start with a missing or weak variable refuses and names it; real processes, real exit codes."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from backoffice.config import environment

ROOT = Path(__file__).resolve().parents[2]
GOOD_KEY = "kJ8vQ2mZx7Lr4TbN9wYc3HfD6sGp1UaEoXi5RqBtVnMlKjHgFdSa"
GOOD_FIELD_KEY = "2026:" + base64.b64encode(bytes(range(100, 132))).decode()
GOOD = {
    "SECRET_KEY": GOOD_KEY,
    "FIELD_KEYS": GOOD_FIELD_KEY,
    "ALLOWED_HOSTS": "backoffice.example",
    "DATABASE_URL": "postgresql://app:secret@db.example:5432/backoffice",
    "CELERY_BROKER_URL": "redis://queue.example:6379/0",
}


def start(*arguments: str, given: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs Python with nothing in its environment but a path and what is given."""
    bare = {"PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=bare | given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_names_every_missing_variable_at_once() -> None:
    done = start("manage.py", "check", given={"DEBUG": "0"})

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Refusing to start: the environment is not safe for production.",
        "  SECRET_KEY: is missing",
        "  FIELD_KEYS: is missing",
        "  ALLOWED_HOSTS: is missing",
        "  DATABASE_URL: is missing",
        "  CELERY_BROKER_URL: is missing",
        "Set these variables, or set DEBUG=1 on a development machine. See docs/runbooks/production.md.",
    ]


@pytest.mark.parametrize("name", environment.REQUIRED)
def test_one_variable_of_production_makes_the_command_line_ask_for_the_others(name: str) -> None:
    done = start("manage.py", "check", given={name: GOOD[name]})

    missing = [line.split(":")[0].strip() for line in done.stderr.splitlines() if line.endswith(": is missing")]
    assert done.returncode == 1
    assert missing == [other for other in environment.REQUIRED if other != name]


@pytest.mark.parametrize("module", ["backoffice.config.wsgi", "backoffice.config.celery"])
def test_web_and_worker_never_fall_back_to_development(module: str) -> None:
    done = start("-c", f"import {module} as m; getattr(m, 'app', None) and m.app.conf.broker_url", given={})

    assert done.returncode == 1
    assert "SECRET_KEY: is missing" in done.stderr


def test_starts_when_everything_is_there_and_strong() -> None:
    done = start("manage.py", "check", "--deploy", "--fail-level", "WARNING", given=GOOD)

    assert (done.returncode, done.stdout.strip()) == (0, "System check identified no issues (0 silenced).")


def test_a_fresh_clone_without_any_variable_is_a_development_machine(tmp_path: Path) -> None:
    done = start(
        "manage.py",
        "shell",
        "--no-imports",
        "-c",
        "from django.conf import settings as s; print(s.DEBUG, len(s.SECRET_KEY) > 50, s.FIELD_KEYS.split(':')[0])",
        given={"RUN_DIR": str(tmp_path)},
    )

    assert done.stdout.splitlines() == ["True True development"]
    assert sorted(file.name for file in (tmp_path / "keys").iterdir()) == ["field_keys", "secret_key"]
    assert [(file.stat().st_mode & 0o777) for file in (tmp_path / "keys").iterdir()] == [0o600, 0o600]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("SECRET_KEY", "short", "is weak: 5 characters, at least 50 are needed"),
        ("SECRET_KEY", "ab" * 40, "is weak: fewer than 12 different characters"),
        ("SECRET_KEY", "django-insecure-" + GOOD_KEY, "is weak: a generated development key"),
        ("FIELD_KEYS", "justakey", "is malformed: write id:base64key[,id:base64key...], the active key first"),
        ("FIELD_KEYS", "k:***", "is malformed: the key 'k' is not base64"),
        ("FIELD_KEYS", "k:c2hvcnQ=", "is weak: the key 'k' has 5 bytes, 32 are needed"),
        ("FIELD_KEYS", "k:" + base64.b64encode(bytes(32)).decode(), "is weak: the key 'k' is not random"),
        ("FIELD_KEYS", f"{GOOD_FIELD_KEY},{GOOD_FIELD_KEY}", "is malformed: the key id '2026' occurs twice"),
        ("ALLOWED_HOSTS", "*", "is weak: '*' answers to any host name; list the names"),
        ("ALLOWED_HOSTS", " ", "is missing"),
        ("DATABASE_URL", "sqlite:///x", "is malformed: write postgresql://user:password@host:5432/name"),
        ("CELERY_BROKER_URL", "memory://", "is malformed: write a redis:// or amqp:// address"),
    ],
)
def test_says_why_a_variable_is_weak(name: str, value: str, reason: str) -> None:
    with pytest.raises(environment.UnsafeEnvironment) as refusal:
        environment.check_production(environment=GOOD | {name: value})

    assert refusal.value.problems == {name: reason}


def test_generated_keys_are_strong_and_different() -> None:
    first, second = environment.new_field_key(key_id="a"), environment.new_field_key(key_id="a")

    assert first != second
    assert environment.weakness_of_field_keys(first) == ""
    assert environment.weakness_of_secret_key(environment.new_secret_key()) == ""


def test_a_kept_value_stays_whoever_comes_later(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key"

    assert environment.kept(path=path, value="first") == "first"
    assert environment.kept(path=path, value="second") == "first"
    assert [file.name for file in path.parent.iterdir()] == ["key"]


@pytest.mark.parametrize(("word", "expected"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("", False)])
def test_reads_yes_and_no(word: str, expected: bool) -> None:
    assert environment.is_on(environment={"DEBUG": word}, name="DEBUG") is expected


def test_refuses_a_word_that_is_neither_yes_nor_no() -> None:
    with pytest.raises(environment.UnsafeEnvironment) as refusal:
        environment.is_on(environment={"DEBUG": "maybe"}, name="DEBUG")

    assert refusal.value.problems == {"DEBUG": "is 'maybe'; use 1 or 0"}


@pytest.mark.parametrize("prefix", [environment.GATEWAY_SECRET_PREFIX, environment.RAIL_SECRET_PREFIX])
def test_a_partner_has_its_secret_by_its_code_and_a_short_one_is_refused(prefix: str) -> None:
    given = {f"{prefix}UNION_MAIN": "s" * 32, f"{prefix}EMPTY": " ", "OTHER_SECRET_X": "short"}

    assert environment.shared_secrets(environment=given, prefix=prefix) == {"union-main": "s" * 32}
    with pytest.raises(environment.UnsafeEnvironment, match=f"{prefix}UNION_MAIN: is weak: 31 characters"):
        environment.shared_secrets(environment={f"{prefix}UNION_MAIN": "s" * 31}, prefix=prefix)


def test_the_sandbox_of_a_demo_has_an_address_or_there_is_none() -> None:
    assert environment.sandbox_url(environment={}) == ""
    assert environment.sandbox_url(environment={"SANDBOX_URL": " http://127.0.0.1:8100/ "}) == "http://127.0.0.1:8100"
    for wrong in ("127.0.0.1:8100", "file:///etc/passwd", "http://"):
        with pytest.raises(environment.UnsafeEnvironment, match="SANDBOX_URL: is malformed"):
            environment.sandbox_url(environment={"SANDBOX_URL": wrong})
