"""The door: password, lock-out, second factor, expiry; no page opens before all of it is in order."""

import re
import time

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.hashers import identify_hasher, make_password
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from backoffice.audit.models import AuditEntry
from backoffice.staff import services, sessions
from backoffice.staff.models import User
from tests.staff.factories import PASSWORD, actor, logged_in, person

pytestmark = pytest.mark.django_db

HOME = "/"
LOGIN, VERIFY, ENROL, LOGOUT = "/login/", "/verify/", "/enrol/", "/logout/"
NEW_PASSWORD = "a long and winding road"


def log_in(client, user, password=PASSWORD, **fields):
    return client.post(LOGIN, {"username": user.username, "password": password} | fields)


def code_of(device, *, steps=0):
    totp = TOTP(device.bin_key, step=device.step, t0=device.t0, digits=device.digits, drift=device.drift)
    totp.time = time.time() + steps * device.step
    return f"{totp.token():06d}"


def phone_of(user):
    return TOTPDevice.objects.create(user=user, name="phone", confirmed=True)


def trail():
    return list(AuditEntry.objects.order_by("id").values_list("verb", flat=True))


class TestPassword:
    def test_opens_the_page_the_person_was_going_to(self, client):
        user = person("agent")

        assert client.get("/account/?x=1").headers["Location"] == "/login/?next=/account/%3Fx%3D1"
        answer = log_in(client, user, next="/account/?x=1")

        assert (answer.status_code, answer.headers["Location"]) == (303, "/account/?x=1")
        assert client.get("/account/").status_code == 200
        assert trail() == ["staff.user.logged_in"]

    def test_user_names_are_known_in_any_case(self, client):
        user = person("agent", username="ada")

        assert client.post(LOGIN, {"username": " ADA ", "password": PASSWORD}).status_code == 303
        assert client.session["_auth_user_id"] == str(user.pk)

    @pytest.mark.parametrize("password", ["", " ", "wrong", PASSWORD.upper(), PASSWORD + " "])
    def test_a_wrong_one_says_the_same_as_an_unknown_name(self, client, password):
        user = person("agent")

        wrong = log_in(client, user, password)
        unknown = client.post(LOGIN, {"username": "nobody", "password": password})

        assert (wrong.status_code, unknown.status_code) == (422, 422)
        assert "_auth_user_id" not in client.session
        assert errors_in(wrong) == errors_in(unknown) != []

    def test_a_disabled_person_is_a_stranger(self, client):
        assert log_in(client, person("agent", is_active=False)).status_code == 422

    @pytest.mark.parametrize(
        "page", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/login/", "/logout/"]
    )
    def test_nobody_is_sent_to_another_site_or_in_circles(self, client, page):
        assert log_in(client, person("agent"), next=page).headers["Location"] == "/"

    def test_hashes_are_argon2_outside_tests(self):
        assert "django.contrib.auth.hashers.Argon2PasswordHasher" in settings.PASSWORD_HASHERS
        assert identify_hasher(make_password("x", hasher="argon2")).algorithm == "argon2"

    def test_the_session_gets_a_new_key_at_login(self, client):
        user = person("agent")
        client.get(LOGIN)
        session = client.session
        session["x"] = 1
        session.save()
        before = client.session.session_key

        log_in(client, user)

        assert client.session.session_key != before

    def test_the_language_of_the_person_is_spoken_from_then_on(self, client):
        log_in(client, person("agent", language="zh-hans"))

        assert client.cookies[settings.LANGUAGE_COOKIE_NAME].value == "zh-hans"

    def test_the_page_is_never_kept_by_the_browser(self, client):
        assert "no-store" in client.get(LOGIN).headers["Cache-Control"]


class TestLockOut:
    def test_five_failures_lock_the_name_even_for_the_right_password(self, client):
        user = person("agent")
        statuses = [log_in(client, user, "wrong").status_code for _ in range(5)]

        locked = log_in(client, user)

        assert statuses == [422, 422, 422, 422, 429]
        assert locked.status_code == 429
        assert "15" in errors_in(locked)[0]
        assert "_auth_user_id" not in client.session
        assert trail() == ["staff.user.locked_out"]

    @pytest.mark.parametrize(
        ("language", "heading", "words"),
        [
            ("en", "<h1>Log in</h1>", "locked here for 15 minutes from this try"),
            ("zh-hans", "<h1>登录</h1>", "锁定 15 分钟"),
        ],
    )
    def test_the_locked_person_stays_on_the_login_page_in_their_language(self, client, language, heading, words):
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
        user = person("agent")
        answers = [log_in(client, user, "wrong") for _ in range(6)]

        for answer in answers[4:]:
            html = answer.content.decode()
            assert answer.status_code == 429
            assert heading in html
            assert words in html
            assert 'name="password"' in html

    def test_an_unknown_name_locks_alike_and_is_noted_as_typed(self, client):
        for _ in range(5):
            answer = client.post(LOGIN, {"username": "nobody", "password": "wrong"})

        assert answer.status_code == 429
        assert AuditEntry.objects.get().subject_id == "nobody"

    def test_somebody_else_is_not_locked(self, client):
        user, other = person("agent"), person("agent")
        for _ in range(6):
            log_in(client, user, "wrong")

        assert log_in(client, other).status_code == 303

    def test_an_administrator_unlocks(self, client):
        user = person("agent")
        for _ in range(5):
            log_in(client, user, "wrong")

        services.unlock_user(user_id=user.pk, reason="called", actor=actor("admin", actor_id=9))

        assert log_in(client, user).status_code == 303

    def test_a_success_forgets_the_failures_before_it(self, client):
        user = person("agent")
        for _ in range(4):
            log_in(client, user, "wrong")
        log_in(client, user)
        client.post(LOGOUT)

        assert not AccessAttempt.objects.filter(username=user.username).exists()


class TestSecondFactor:
    @pytest.mark.parametrize("role", ["admin", "compliance"])
    def test_the_role_opens_no_page_before_a_phone_is_enrolled(self, client, role):
        user = person(role)
        log_in(client, user)

        for page in (HOME, "/account/", "/users/", "/trail/", "/admin/", "/api/docs/", "/account/password/"):
            assert client.get(page).headers["Location"].startswith(VERIFY), page
        assert client.get("/api/v1/schema/").status_code == 403
        assert client.post("/users/new/", {"username": "eve"}).status_code == 303
        assert User.objects.count() == 1
        assert client.get(f"{VERIFY}?next=/users/").headers["Location"] == "/enrol/?next=%2Fusers%2F"

    def test_enrolling_takes_the_code_of_the_phone_and_shows_backup_codes_once(self, client):
        user = person("admin")
        log_in(client, user)
        page = client.get(f"{ENROL}?next=/users/").content.decode()
        device = TOTPDevice.objects.get(user=user, confirmed=False)
        secret = re.search(r"<code[^>]*>([A-Z2-7]+)</code>", page)[1]

        assert 'src="data:image/svg+xml;base64,' in page
        assert secret == services.begin_enrolment(user=user).secret
        wrong = client.post(ENROL, {"code": "000000"})
        assert (wrong.status_code, TOTPDevice.objects.get().confirmed) == (422, False)
        TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)

        done = client.post(ENROL, {"code": code_of(device), "next": "/users/"})

        codes = set(StaticToken.objects.values_list("token", flat=True))
        assert len(codes) == 10
        assert all(code in done.content.decode() for code in codes)
        assert client.get("/users/").status_code == 200
        assert trail() == ["staff.user.logged_in", "staff.user.second_factor_enrolled"]

    def test_a_later_login_asks_for_the_code(self, client):
        user = person("admin")
        device = phone_of(user)
        log_in(client, user)

        assert client.get("/users/").headers["Location"] == "/verify/?next=%2Fusers%2F"
        answer = client.post(VERIFY, {"code": f" {code_of(device)[:3]} {code_of(device)[3:]} ", "next": "/users/"})

        assert answer.headers["Location"] == "/users/"
        assert client.get("/users/").status_code == 200

    def test_a_person_with_a_phone_cannot_enrol_another_one_before_giving_a_code(self, client):
        user = person("admin")
        phone_of(user)
        log_in(client, user)

        assert client.get(ENROL).headers["Location"].startswith(VERIFY)
        assert client.post(ENROL, {"code": "123456"}).headers["Location"].startswith(VERIFY)
        assert TOTPDevice.objects.count() == 1

    def test_a_wrong_code_is_noted_and_makes_the_next_one_wait(self, client):
        user = person("admin")
        device = phone_of(user)
        log_in(client, user)

        assert client.post(VERIFY, {"code": "000000"}).status_code == 422
        too_soon = client.post(VERIFY, {"code": code_of(device)})

        assert too_soon.status_code == 422
        assert trail() == [
            "staff.user.logged_in",
            "staff.user.second_factor_failed",
            "staff.user.second_factor_failed",
        ]
        assert client.get("/users/").headers["Location"].startswith(VERIFY)

    def test_a_code_works_once(self, client):
        user = person("admin")
        device = phone_of(user)
        code = code_of(device)
        log_in(client, user)
        client.post(VERIFY, {"code": code})
        client.post(LOGOUT)
        log_in(client, user)

        assert client.post(VERIFY, {"code": code}).status_code == 422

    def test_a_backup_code_works_once(self, client):
        user = person("admin")
        phone_of(user)
        code = services.renew_backup_codes(user=user)[0]
        log_in(client, user)

        assert client.post(VERIFY, {"code": code.upper()}).status_code == 303
        client.post(LOGOUT)
        log_in(client, user)
        assert client.post(VERIFY, {"code": code}).status_code == 422

    def test_the_code_of_somebody_else_does_not_open(self, client):
        user, other = person("admin"), person("admin")
        phone_of(user)
        theirs = phone_of(other)
        log_in(client, user)

        assert client.post(VERIFY, {"code": code_of(theirs)}).status_code == 422

    def test_whoever_enrols_by_choice_is_asked_too(self, client):
        user = person("agent")
        log_in(client, user)
        assert client.get(HOME).status_code == 200
        client.get(ENROL)
        client.post(ENROL, {"code": code_of(TOTPDevice.objects.get())})
        assert client.get(HOME).status_code == 200
        client.post(LOGOUT)

        log_in(client, user)

        assert client.get(HOME).headers["Location"].startswith(VERIFY)

    def test_a_reset_by_an_administrator_closes_the_open_session(self, client):
        user = person("admin")
        logged_in(client, user)
        assert client.get("/users/").status_code == 200

        services.reset_second_factor(user_id=user.pk, reason="lost", actor=actor("admin", actor_id=9))

        assert client.get("/users/").headers["Location"].startswith(VERIFY)
        assert client.get(VERIFY).headers["Location"].startswith(ENROL)

    def test_becoming_an_administrator_asks_for_the_code_at_the_next_click(self, client):
        user = person("agent")
        log_in(client, user)
        User.objects.filter(pk=user.pk).update(roles=["admin"])

        assert client.get(HOME).headers["Location"].startswith(VERIFY)

    def test_a_part_of_a_page_moves_the_whole_page_to_the_door(self, client):
        log_in(client, person("admin"))

        answer = client.get("/users/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/users/?q=a"})

        assert (answer.status_code, answer.headers["HX-Redirect"]) == (
            204,
            "/verify/?next=http%3A%2F%2Ftestserver%2Fusers%2F%3Fq%3Da",
        )


class TestFirstLogin:
    def test_opens_no_page_before_the_password_is_ones_own(self, client):
        user = person("agent", must_change_password=True)
        log_in(client, user)

        assert client.get(HOME).headers["Location"].startswith("/account/password/")
        answer = client.post("/account/password/", {"old": PASSWORD, "new": NEW_PASSWORD, "again": NEW_PASSWORD})

        assert answer.headers["Location"] == "/account/"
        assert client.get(HOME).status_code == 200

    def test_the_code_comes_before_the_password(self, client):
        user = person("admin", must_change_password=True)
        phone_of(user)
        log_in(client, user)

        assert client.get("/account/password/").headers["Location"] == VERIFY
        answer = client.post("/account/password/", {"old": PASSWORD, "new": NEW_PASSWORD, "again": NEW_PASSWORD})

        assert answer.headers["Location"] == VERIFY
        user.refresh_from_db()
        assert user.check_password(PASSWORD)

    def test_a_changed_password_ends_the_other_sessions_and_not_this_one(self, client):
        user, elsewhere = person("agent"), Client()
        log_in(client, user)
        log_in(elsewhere, user)

        client.post("/account/password/", {"old": PASSWORD, "new": NEW_PASSWORD, "again": NEW_PASSWORD})

        assert client.get(HOME).status_code == 200
        assert elsewhere.get(HOME).headers["Location"].startswith(LOGIN)

    def test_two_new_passwords_that_differ_are_refused(self, client):
        user = person("agent")
        log_in(client, user)

        answer = client.post("/account/password/", {"old": PASSWORD, "new": NEW_PASSWORD, "again": "other"})

        assert answer.status_code == 422
        user.refresh_from_db()
        assert user.check_password(PASSWORD)


class TestSession:
    @pytest.fixture
    def clock(self, monkeypatch):
        """The session's clock, moved by hand."""
        now = [1_800_000_000.0]
        monkeypatch.setattr(sessions, "clock", lambda: now[0])

        def move(seconds):
            now[0] += seconds

        return move

    def test_ends_after_half_an_hour_without_use(self, client, clock):
        log_in(client, person("agent"))
        clock(30 * 60)
        assert client.get(HOME).status_code == 200

        clock(30 * 60 + 1)

        assert client.get(HOME).headers["Location"].startswith(LOGIN)
        assert "_auth_user_id" not in client.session

    def test_ends_after_twelve_hours_whatever_happens(self, client, clock):
        log_in(client, person("agent"))
        for _ in range(24):
            clock(30 * 60)
            assert client.get(HOME).status_code == 200

        clock(1)

        assert client.get(HOME).headers["Location"].startswith(LOGIN)

    def test_is_written_once_a_minute_only(self, client, clock, django_assert_num_queries):
        log_in(client, person("agent"))
        client.get("/account/")
        written = client.session[sessions.USED]

        clock(59)
        client.get("/account/")
        assert client.session[sessions.USED] == written

        clock(1)
        client.get("/account/")
        assert client.session[sessions.USED] == written + 60

    def test_that_is_over_opens_the_login_page_and_not_a_circle(self, client, clock):
        log_in(client, person("agent"))
        clock(31 * 60)

        assert client.get(LOGIN).status_code == 200

    def test_an_api_call_with_a_session_that_is_over_is_refused(self, client, clock):
        log_in(client, person("agent"))
        clock(31 * 60)

        answer = client.get("/api/v1/schema/")
        assert (answer.status_code, answer.json()["code"]) == (403, "staff.door_closed")
        assert answer.json()["detail"] == "You were logged out because the session was over."

    def test_ends_when_the_person_is_disabled(self, client):
        user = person("agent")
        log_in(client, user)

        services.disable_user(user_id=user.pk, reason="left", actor=actor("admin", actor_id=9))

        assert client.get(HOME).headers["Location"].startswith(LOGIN)

    def test_ends_at_log_out_which_is_only_posted(self, client):
        log_in(client, person("agent"))

        assert client.get(LOGOUT).status_code == 405
        assert client.get(HOME).status_code == 200
        assert client.post(LOGOUT).headers["Location"] == LOGIN
        assert client.get(HOME).headers["Location"].startswith(LOGIN)
        assert trail()[-1] == "staff.user.logged_out"

    def test_forms_need_the_token_of_the_page(self):
        careful = Client(enforce_csrf_checks=True)

        assert careful.post(LOGIN, {"username": "a", "password": "b"}).status_code == 403

    def test_there_is_no_second_door(self, client):
        assert client.get("/admin/").headers["Location"] == "/admin/login/?next=/admin/"
        assert client.get("/admin/login/?next=/admin/").headers["Location"] == "/login/?next=/admin/"
        assert client.post("/admin/login/", {"username": "a", "password": "b"}).status_code == 302

    def test_djangos_admin_site_shows_nobody_the_secrets_of_others(self, client):
        user = person("admin")
        logged_in(client, user)

        assert client.get("/admin/").status_code == 200
        assert "otp_totp" not in client.get("/admin/").content.decode()
        assert client.get("/admin/otp_totp/totpdevice/").status_code == 403
        assert client.get("/admin/axes/accessattempt/").status_code == 403
        assert client.get("/admin/django_celery_beat/periodictask/").status_code == 200

    def test_the_door_is_where_it_is_named(self):
        assert [reverse(f"staff:{name}") for name in ("login", "verify", "enrol", "logout")] == [
            LOGIN,
            VERIFY,
            ENROL,
            LOGOUT,
        ]


def errors_in(answer):
    return list(answer.context["form"].non_field_errors()) + list(answer.context["form"].errors.get("password", []))
