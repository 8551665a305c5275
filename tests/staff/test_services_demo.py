"""People for a demo: made on this machine, kept beside its data, never in the code."""

import json
import stat
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django_otp.plugins.otp_totp.models import TOTPDevice

from backoffice.staff.models import Team, User
from backoffice.staff.permissions import ROLES
from backoffice.staff.services.demo import FILE, NoSuchDemoUser, create_demo_users, current_code, read_logins

pytestmark = pytest.mark.django_db


def test_makes_one_person_a_role_who_can_log_in(tmp_path, client):
    logins = create_demo_users(folder=tmp_path)

    assert [login.role for login in logins] == list(ROLES)
    for login in logins:
        user = User.objects.get(username=login.username)
        assert user.check_password(login.password)
        assert user.roles == [login.role]
        assert user.scope().all
        assert bool(login.totp_secret) is user.needs_second_factor
    assert Team.objects.get().portfolios == []


def test_the_code_of_the_command_line_opens_the_door(tmp_path, client):
    login = next(each for each in create_demo_users(folder=tmp_path) if each.role == "admin")
    client.post("/login/", {"username": "admin", "password": login.password})
    code, seconds = current_code(username="admin", folder=tmp_path)

    assert client.post("/verify/", {"code": code, "next": "/users/"}).headers["Location"] == "/users/"
    assert client.get("/users/").status_code == 200
    assert 1 <= seconds <= 30


def test_a_code_is_the_one_of_its_half_minute(tmp_path):
    create_demo_users(folder=tmp_path)

    def code(at):
        return current_code(username="admin", folder=tmp_path, at=at)

    assert code(1_800_000_000.0) == (code(1_800_000_029.0)[0], 30)
    assert code(1_800_000_029.0)[1] == 1
    assert code(1_800_000_030.0)[0] != code(1_800_000_029.0)[0]


def test_runs_again_without_changing_a_login(tmp_path):
    first = create_demo_users(folder=tmp_path)
    second = create_demo_users(folder=tmp_path)

    assert first == second == read_logins(folder=tmp_path)
    assert (User.objects.count(), TOTPDevice.objects.count()) == (8, 2)


def test_a_lost_file_means_new_passwords_and_codes(tmp_path):
    first = create_demo_users(folder=tmp_path)
    (tmp_path / FILE).unlink()

    second = create_demo_users(folder=tmp_path)

    assert {login.password for login in first} & {login.password for login in second} == set()
    assert (User.objects.count(), TOTPDevice.objects.count()) == (8, 2)
    assert User.objects.get(username="agent").check_password(second[0].password)


def test_a_lost_database_is_filled_from_the_file(tmp_path):
    first = create_demo_users(folder=tmp_path)
    TOTPDevice.objects.all().delete()
    User.objects.all().delete()

    assert create_demo_users(folder=tmp_path) == first
    assert User.objects.get(username="agent").check_password(first[0].password)


def test_the_file_is_for_its_owners_eyes_only(tmp_path):
    create_demo_users(folder=tmp_path / "run")

    path = tmp_path / "run" / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(json.loads(path.read_text())) == 8


def test_no_login_is_written_in_the_code_or_shown_by_accident(tmp_path):
    other = tmp_path / "other"
    first, second = create_demo_users(folder=tmp_path), create_demo_users(folder=other)

    assert {login.password for login in first} & {login.password for login in second} == set()
    assert first[0].password not in repr(first[0])


@pytest.mark.parametrize("username", ["agent", "nobody", ""])
def test_whoever_needs_no_code_has_none(tmp_path, username):
    create_demo_users(folder=tmp_path)

    with pytest.raises(NoSuchDemoUser, match="needs a code"):
        current_code(username=username, folder=tmp_path)


def test_the_commands_tell_how_to_log_in(tmp_path, settings):
    settings.RUN_DIR = tmp_path
    quiet, told, code = StringIO(), StringIO(), StringIO()
    call_command("create_demo_users", verbosity=0, stdout=quiet)
    call_command("create_demo_users", stdout=told)
    call_command("demo_code", "admin", stdout=code)

    assert quiet.getvalue() == ""
    for login in read_logins(folder=tmp_path):
        assert f"{login.username:<14} {login.password}" in told.getvalue()
    assert code.getvalue().split()[0] == current_code(username="admin", folder=tmp_path)[0]
    with pytest.raises(CommandError, match="Those who do: admin, compliance"):
        call_command("demo_code", "agent", stdout=code)


def test_a_house_that_is_served_over_tls_has_no_demo_users(settings, tmp_path):
    settings.PLAIN_HTTP = False
    settings.RUN_DIR = tmp_path

    with pytest.raises(CommandError, match="make users on the users page"):
        call_command("create_demo_users")

    assert not User.objects.exists()
