"""People for a demo: one a role, with passwords made on this machine and kept beside its data, never in the code."""

import base64
import json
import secrets
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar

from django.db import transaction
from django.utils.translation import gettext as _
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from backoffice.core import trail
from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from backoffice.staff.models import Team, User
from backoffice.staff.permissions import NEEDS_SECOND_FACTOR, ROLES
from backoffice.staff.services.accounts import new_password
from backoffice.staff.services.second_factor import PHONE

TEAM = "Demo"
FILE = "demo-logins.json"
STEP_SECONDS = 30
NAMES = {
    "agent": "Demo Agent",
    "senior_agent": "Demo Senior",
    "collector": "Demo Collector",
    "team_lead": "Demo Lead",
    "compliance": "Demo Compliance",
    "analyst": "Demo Analyst",
    "admin": "Demo Admin",
    "auditor": "Demo Auditor",
}


class NoSuchDemoUser(Refusal):
    """The demo has no such person, or they need no code."""

    code: ClassVar[str] = "staff.no_such_demo_user"
    status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """How to log in as one person of the demo; `totp_secret` (base32) only for roles that need a code."""

    username: str
    role: str
    password: str = field(repr=False)
    totp_secret: str = field(repr=False, default="")


@transaction.atomic
def create_demo_users(*, folder: Path) -> list[DemoLogin]:
    """One person a role, all in one team that sees every portfolio; safe to run again.

    Those whose login is on file keep it; the others get a new password. The file is readable by its owner only.
    """
    kept = {login.username: login for login in read_logins(folder=folder)}
    team, _is_new = Team.objects.get_or_create(name=TEAM)
    logins = [_login_for(role, team=team, kept=kept.get(role)) for role in ROLES]
    _write(logins, folder=folder)
    return logins


def read_logins(*, folder: Path) -> list[DemoLogin]:
    """The logins on file; none when there is no file."""
    path = folder / FILE
    if not path.exists():
        return []
    return [DemoLogin(**login) for login in json.loads(path.read_text(encoding="utf-8"))]


def current_code(*, username: str, folder: Path, at: float | None = None) -> tuple[str, int]:
    """The one-time code of a demo person now and the seconds it is valid for. Raises NoSuchDemoUser."""
    for login in read_logins(folder=folder):
        if login.username == username and login.totp_secret:
            now = time.time() if at is None else at
            totp = TOTP(_unpadded(login.totp_secret), step=STEP_SECONDS)
            totp.time = now
            return f"{totp.token():06d}", STEP_SECONDS - int(now) % STEP_SECONDS
    raise NoSuchDemoUser(
        _("There is no demo user “%(name)s” who needs a code.") % {"name": username},
        next_step=_("Those who do: %(names)s.") % {"names": ", ".join(sorted(NEEDS_SECOND_FACTOR))},
    )


def _login_for(role: str, *, team: Team, kept: DemoLogin | None) -> DemoLogin:
    user = User.objects.filter(username=role).first()
    if user is None:
        user = User(username=role, display_name=NAMES[role], roles=[role], team=team, email=f"{role}@lender.example")
    password = kept.password if kept is not None else new_password()
    if user.pk is None or not user.check_password(password):
        user.set_password(password)
        user.save()
        trail.record(
            verb="staff.user.created",
            subject_type="staff.user",
            subject_id=user.pk,
            actor=SYSTEM,
            reason="demo",
            after={"username": role, "roles": [role]},
        )
    secret = ""
    if role in NEEDS_SECOND_FACTOR:
        secret = kept.totp_secret if kept is not None and kept.totp_secret else _new_secret()
        key = _unpadded(secret).hex()
        TOTPDevice.objects.filter(user=user).exclude(key=key).delete()
        TOTPDevice.objects.get_or_create(user=user, key=key, defaults={"name": PHONE, "confirmed": True})
    return DemoLogin(username=role, role=role, password=password, totp_secret=secret)


def _new_secret() -> str:
    return base64.b32encode(secrets.token_bytes(20)).decode()


def _unpadded(secret: str) -> bytes:
    return base64.b32decode(secret + "=" * (-len(secret) % 8))


def _write(logins: list[DemoLogin], *, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(json.dumps([asdict(login) for login in logins], indent=1), encoding="utf-8")
