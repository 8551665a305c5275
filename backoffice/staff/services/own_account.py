"""What people do to their own account, and the entries of their coming and going."""

from typing import ClassVar

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.core import trail
from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from backoffice.staff.models import User


class PasswordRefused(Refusal):
    """The old password is wrong or the new one is too weak; `fields` says which."""

    code: ClassVar[str] = "staff.password_refused"


class LanguageUnknown(Refusal):
    """The console does not speak this language."""

    code: ClassVar[str] = "staff.language_unknown"


@transaction.atomic
def change_own_password(*, user: User, old: str, new: str) -> None:
    """Changes one's password; every other session of the person ends. Raises PasswordRefused."""
    person = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if not person.check_password(old):
        raise _refused("old", _("This is not your password."))
    if old == new:
        raise _refused("new", _("Choose another password than the one you have."))
    try:
        validate_password(new, user=person)
    except ValidationError as error:
        raise _refused("new", " ".join(error.messages)) from error
    person.set_password(new)
    person.must_change_password = False
    person.save(update_fields=["password", "must_change_password"])
    user.password, user.must_change_password = person.password, False
    _note(person, verb="staff.user.password_changed")


@transaction.atomic
def choose_language(*, user: User, language: str) -> None:
    """Keeps the language the person wants to read; "" follows the browser. Raises LanguageUnknown."""
    if language and language not in dict(settings.LANGUAGES):
        raise LanguageUnknown(
            _("The console does not speak this language."),
            next_step=_("Choose one of the languages offered."),
            fields={"language": _("Not one of the choices.")},
        )
    User.objects.filter(pk=user.pk).update(language=language)
    user.language = language


def note_login(*, user: User, address: str) -> None:
    """One entry: the person came in, from which network address."""
    _note(user, verb="staff.user.logged_in", after={"address": address})


def note_logout(*, user: User) -> None:
    """One entry: the person left."""
    _note(user, verb="staff.user.logged_out")


def note_lock_out(*, username: str, address: str) -> None:
    """One entry: a user name was locked after too many failures, by nobody we know."""
    user = User.objects.filter(username=username).first()
    trail.record(
        verb="staff.user.locked_out",
        subject_type="staff.user",
        subject_id=username if user is None else user.pk,
        actor=SYSTEM,
        after={"username": username, "address": address},
    )


def note_wrong_code(*, user: User) -> None:
    """One entry: the password was right and the one-time code was not, which is worth a look."""
    _note(user, verb="staff.user.second_factor_failed")


def _refused(field: str, words: str) -> PasswordRefused:
    return PasswordRefused(
        _("The password was not changed."), next_step=_("Correct the field named."), fields={field: words}
    )


def _note(user: User, *, verb: str, after: dict[str, str] | None = None) -> None:
    trail.record(verb=verb, subject_type="staff.user", subject_id=user.pk, actor=user.as_actor(), after=after)
