"""One-time codes, apart from the pages that ask for them."""

import pytest
from django.core.management import call_command
from django_otp.plugins.otp_totp.models import TOTPDevice

from backoffice.staff.models import ApiToken, User
from backoffice.staff.services import begin_enrolment, confirm_enrolment, renew_backup_codes
from backoffice.staff.services.second_factor import NotEnrolled, WrongCode, tidy_code, verify_code
from tests.staff.factories import person

pytestmark = pytest.mark.django_db


def test_an_enrolment_asked_for_again_has_the_same_secret():
    user = person("agent")

    assert begin_enrolment(user=user).secret == begin_enrolment(user=user).secret
    assert TOTPDevice.objects.count() == 1


def test_nothing_of_an_enrolment_is_shown_by_accident():
    enrolment = begin_enrolment(user=person("agent"))

    assert enrolment.secret not in repr(enrolment)


def test_without_an_enrolment_there_is_nothing_to_confirm_verify_or_renew():
    user = person("agent")

    with pytest.raises(NotEnrolled):
        confirm_enrolment(user=user, code="123456")
    with pytest.raises(NotEnrolled):
        verify_code(user=user, code="123456")
    with pytest.raises(NotEnrolled):
        renew_backup_codes(user=user)


def test_a_wrong_code_is_counted_though_nothing_else_is_kept():
    user = person("agent")
    begin_enrolment(user=user)

    with pytest.raises(WrongCode):
        confirm_enrolment(user=user, code="000000")

    device = TOTPDevice.objects.get()
    assert (device.confirmed, device.throttling_failure_count) == (False, 1)


@pytest.mark.parametrize(("typed", "code"), [(" 123 456 ", "123456"), ("ABCD-efgh", "abcdefgh"), ("", "")])
def test_a_code_is_read_as_it_is_typed(typed, code):
    assert tidy_code(typed) == code


def test_the_first_administrator_is_made_at_the_terminal():
    call_command("createsuperuser", "--no-input", username="root", verbosity=0)

    user = User.objects.get(username="root")
    assert (user.roles, user.is_staff, user.is_active) == (["admin"], True, True)


@pytest.mark.parametrize("role", ["admin", "agent", "auditor"])
def test_djangos_admin_site_edits_reference_data_only_and_for_administrators_only(role):
    user = person(role)
    schedules, secrets = "django_celery_beat.change_periodictask", "otp_totp.view_totpdevice"

    assert (user.is_staff, user.has_perm(schedules)) == (role == "admin", role == "admin")
    assert not user.has_perm(secrets)
    assert not any(user.has_module_perms(label) for label in ("staff", "audit", "customers", "axes", "otp_static"))


def test_rows_say_what_they_are():
    ada = person("agent", display_name="Ada")

    assert (str(ada), str(person("agent", display_name="", username="bo"))) == ("Ada", "bo")
    assert str(ada.team) == ada.team.name
    assert str(ApiToken(prefix="bo_abc", name="export")) == "bo_abc… export"
