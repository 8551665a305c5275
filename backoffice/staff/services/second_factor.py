"""One-time codes: a phone is enrolled, backup codes are printed, both are forgotten and renewed."""

import base64
from dataclasses import dataclass, field
from io import BytesIO
from typing import ClassVar

import qrcode
from django.db import transaction
from django.utils.translation import gettext as _
from django_otp import devices_for_user, match_token
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from qrcode.image.svg import SvgPathFillImage

from backoffice.core import trail
from backoffice.core.errors import Refusal
from backoffice.staff.models import User

BACKUP_CODES = 10
PHONE = "phone"
BACKUP = "backup"


class WrongCode(Refusal):
    """The code does not fit, was used already, or came too soon after a wrong one."""

    code: ClassVar[str] = "staff.wrong_code"


class NotEnrolled(Refusal):
    """The person has no second factor yet."""

    code: ClassVar[str] = "staff.not_enrolled"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a phone needs to be enrolled: a picture to scan (data URI of an SVG) or the secret to type."""

    secret: str = field(repr=False)
    picture: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """An enrolled phone and the backup codes, which are shown this once."""

    device: Device
    backup_codes: tuple[str, ...] = field(repr=False)


def is_enrolled(*, user: User) -> bool:
    """True when the person has a confirmed phone; one query."""
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


@transaction.atomic
def begin_enrolment(*, user: User) -> Enrolment:
    """The secret to enrol a phone with; asked again before it is confirmed, it is the same one."""
    device, _is_new = TOTPDevice.objects.get_or_create(user=user, confirmed=False, defaults={"name": PHONE})
    secret = base64.b32encode(device.bin_key).decode().rstrip("=")
    return Enrolment(secret=secret, picture=_picture(device.config_url))


@transaction.atomic
def _confirm(*, user: User, code: str) -> Device | None:
    device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=False).first()
    if device is None:
        raise NotEnrolled(_("There is no enrolment to confirm."), next_step=_("Begin the enrolment again."))
    if not device.verify_token(tidy_code(code)):
        return None
    TOTPDevice.objects.filter(user=user, confirmed=True).delete()
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    return device


def confirm_enrolment(*, user: User, code: str) -> Confirmed:
    """Enrols the phone whose code is right, in place of the one before, with fresh backup codes.

    A wrong code is counted even though nothing else is kept. Raises WrongCode, NotEnrolled.
    """
    device = _confirm(user=user, code=code)
    if device is None:
        raise _wrong_code()
    with transaction.atomic():
        codes = _new_backup_codes(user)
        trail.record(
            verb="staff.user.second_factor_enrolled",
            subject_type="staff.user",
            subject_id=user.pk,
            actor=user.as_actor(),
        )
    return Confirmed(device=device, backup_codes=codes)


def verify_code(*, user: User, code: str) -> Device:
    """The device a code fits; a backup code is used up by it. Raises WrongCode, NotEnrolled.

    After a wrong code the next one is not looked at for one second, then two, four and so on.
    """
    if not any(devices_for_user(user)):
        raise NotEnrolled(_("You have no second factor yet."), next_step=_("Enrol your phone first."))
    device: Device | None = match_token(user, tidy_code(code))
    if device is None:
        raise _wrong_code()
    return device


@transaction.atomic
def renew_backup_codes(*, user: User) -> tuple[str, ...]:
    """Ten fresh backup codes, shown this once; the old ones do not work any more. Raises NotEnrolled."""
    if not is_enrolled(user=user):
        raise NotEnrolled(_("You have no second factor yet."), next_step=_("Enrol your phone first."))
    codes = _new_backup_codes(user)
    trail.record(
        verb="staff.user.backup_codes_renewed", subject_type="staff.user", subject_id=user.pk, actor=user.as_actor()
    )
    return codes


def tidy_code(text: str) -> str:
    """A code as typed from a phone or from paper: without spaces and dashes, in small letters."""
    return "".join(character for character in text.lower() if character.isalnum())


def _new_backup_codes(user: User) -> tuple[str, ...]:
    device, _is_new = StaticDevice.objects.get_or_create(user=user, name=BACKUP, defaults={"confirmed": True})
    device.token_set.all().delete()
    codes = tuple(StaticToken.random_token().lower() for _number in range(BACKUP_CODES))
    StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
    return codes


def _wrong_code() -> WrongCode:
    return WrongCode(
        _("This code is not right."),
        next_step=_("Wait for the next code of your phone and try again; after wrong codes the wait grows."),
        fields={"code": _("This code is not right.")},
    )


def _picture(text: str) -> str:
    """A QR code on white, whatever the colours of the page."""
    drawn = BytesIO()
    qrcode.make(text, image_factory=SvgPathFillImage, box_size=12, border=3).save(drawn)
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.getvalue()).decode()}"
