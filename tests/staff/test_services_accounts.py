"""Administrators make, change, shut out and let in again; each act leaves a trace, and none leaves the house empty."""

import pytest
from axes.models import AccessAttempt
from django.db import IntegrityError, transaction
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from backoffice.audit.models import AuditEntry
from backoffice.staff import services
from backoffice.staff.models import ApiToken, Team, User
from backoffice.staff.services.accounts import (
    LastAdministrator,
    OwnAccount,
    UserNotFound,
    UserRefused,
    new_password,
)
from backoffice.staff.services.own_account import LanguageUnknown, PasswordRefused
from backoffice.staff.services.teams import TeamNotFound, TeamRefused
from tests.audit.side_by_side import Aside
from tests.staff.factories import PASSWORD, TeamFactory, actor, person

ROOT = actor("admin", actor_id=900_000, name="Root")


def create(**changes):
    return services.create_user(
        **{"username": " Ada.Lovelace ", "display_name": " Ada  Lovelace ", "roles": ["agent"], "actor": ROOT} | changes
    )


def change(user, **changes):
    services.change_user(
        **{
            "user_id": user.pk,
            "display_name": user.display_name,
            "roles": user.roles,
            "team_id": user.team_id,
            "email": user.email,
            "language": user.language,
            "actor": ROOT,
        }
        | changes
    )


def trail():
    return list(AuditEntry.objects.order_by("id").values_list("verb", "subject_id", "actor_name", "reason"))


@pytest.mark.django_db
class TestCreating:
    def test_gives_a_password_for_one_login_and_keeps_only_its_hash(self):
        team = TeamFactory()

        made = create(roles=["collector", "agent"], team_id=team.pk, language="zh-hans", email="ada@example.org")

        user = User.objects.get(pk=made.user_id)
        assert (user.username, user.display_name, user.email) == ("ada.lovelace", "Ada Lovelace", "ada@example.org")
        assert (user.roles, user.team, user.language) == (["agent", "collector"], team, "zh-hans")
        assert user.check_password(made.password)
        assert made.password not in user.password
        assert (user.must_change_password, user.is_active) == (True, True)

    def test_leaves_an_entry_without_the_password(self):
        made = create()

        entry = AuditEntry.objects.get()
        assert (entry.verb, entry.subject_id, entry.actor_name) == ("staff.user.created", str(made.user_id), "Root")
        assert made.password not in str(entry.after)
        assert made.password not in repr(made)

    @pytest.mark.parametrize(
        ("changes", "at_fault"),
        [
            ({"username": ""}, {"username"}),
            ({"username": "a b"}, {"username"}),
            ({"username": "x" * 81}, {"username"}),
            ({"username": "<script>"}, {"username"}),
            ({"display_name": "  "}, {"display_name"}),
            ({"roles": []}, {"roles"}),
            ({"roles": ["agent", "king"]}, {"roles"}),
            ({"team_id": 404}, {"team"}),
            ({"email": "nobody"}, {"email"}),
        ],
    )
    def test_a_user_that_cannot_be_is_refused_field_by_field(self, changes, at_fault):
        with pytest.raises(UserRefused) as refusal:
            create(**changes)

        assert set(refusal.value.fields) == at_fault
        assert not User.objects.exists()

    @pytest.mark.parametrize("username", ["ada", "ADA", " ada "])
    def test_a_name_is_taken_in_any_case(self, username):
        create(username="ada")

        with pytest.raises(UserRefused) as refusal:
            create(username=username)

        assert set(refusal.value.fields) == {"username"}

    def test_the_database_refuses_a_second_user_of_a_name_and_an_unknown_role(self):
        person(username="ada")

        with pytest.raises(IntegrityError, match="one_user_per_name_in_any_case"), transaction.atomic():
            person(username="ADA")
        with pytest.raises(IntegrityError, match="user_roles_are_known"), transaction.atomic():
            person("king")


def test_passwords_are_long_and_never_the_same():
    passwords = {new_password() for _ in range(200)}

    assert len(passwords) == 200
    assert {len(password) for password in passwords} == {23}


@pytest.mark.django_db
class TestChanging:
    def test_keeps_before_and_after_of_what_changed_only(self):
        user = person("agent", display_name="Ada")

        change(user, roles=["senior_agent"], reason="promoted")

        entry = AuditEntry.objects.get()
        assert (entry.verb, entry.reason) == ("staff.user.changed", "promoted")
        assert (entry.before, entry.after) == ({"roles": ["agent"]}, {"roles": ["senior_agent"]})

    def test_changing_nothing_leaves_no_entry(self):
        user = person("agent")

        change(user)

        assert trail() == []

    def test_nobody_changes_their_own_roles_but_their_name(self):
        user = person("admin")
        person("admin")
        me = user.as_actor()

        with pytest.raises(OwnAccount):
            change(user, roles=["admin", "team_lead"], actor=me)
        change(user, display_name="New Name", actor=me)

        user.refresh_from_db()
        assert (user.roles, user.display_name) == (["admin"], "New Name")

    def test_the_last_administrator_stays_one(self):
        user, gone = person("admin"), person("admin", is_active=False)

        for attempt in (
            lambda: change(user, roles=["agent"]),
            lambda: services.disable_user(user_id=user.pk, reason="left", actor=ROOT),
        ):
            with pytest.raises(LastAdministrator):
                attempt()

        user.refresh_from_db()
        assert (user.roles, user.is_active, gone.is_active) == (["admin"], True, False)

    def test_an_unknown_user_is_refused(self):
        for verb in (services.disable_user, services.enable_user, services.unlock_user, services.reset_password):
            with pytest.raises(UserNotFound):
                verb(user_id=404, reason="x", actor=ROOT)


@pytest.mark.django_db(transaction=True)
def test_two_administrators_removing_each_other_at_once_leave_one():
    one, other = person("admin"), person("admin")

    def remove(target, by):
        try:
            services.disable_user(user_id=target.pk, reason="x", actor=by.as_actor())
        except LastAdministrator as refusal:
            return refusal.code
        return "done"

    with Aside() as aside:
        futures = [aside.start(lambda: remove(one, other)), aside.start(lambda: remove(other, one))]
        results = sorted(future.result() for future in futures)

    assert results == ["done", "staff.last_administrator"]
    assert User.objects.filter(is_active=True).count() == 1


@pytest.mark.django_db
class TestShuttingOut:
    def test_ends_tokens_for_good_and_is_noted_once(self):
        user = person("agent")
        issued = services.issue_token(user=user, name="t", scopes=["console.home.view"], days=1, actor=user.as_actor())

        services.disable_user(user_id=user.pk, reason=" left ", actor=ROOT)
        services.disable_user(user_id=user.pk, reason="again", actor=ROOT)
        services.enable_user(user_id=user.pk, reason="came back", actor=ROOT)

        assert services.owner_of(secret=issued.secret) is None
        assert ApiToken.objects.get().revoked_at is not None
        assert trail()[1:] == [
            ("staff.user.disabled", str(user.pk), "Root", "left"),
            ("staff.user.enabled", str(user.pk), "Root", "came back"),
        ]

    def test_nobody_shuts_themselves_out_or_resets_their_own_second_factor(self):
        user = person("admin")
        person("admin")

        with pytest.raises(OwnAccount):
            services.disable_user(user_id=user.pk, reason="x", actor=user.as_actor())
        with pytest.raises(OwnAccount):
            services.reset_second_factor(user_id=user.pk, reason="x", actor=user.as_actor())

    def test_a_password_reset_gives_one_login_and_forgets_failures(self):
        user = person("agent")
        AccessAttempt.objects.create(username=user.username, ip_address="10.0.0.1", failures_since_start=5)

        made = services.reset_password(user_id=user.pk, reason="forgot it", actor=ROOT)

        user.refresh_from_db()
        assert user.check_password(made.password)
        assert user.must_change_password
        assert not user.check_password(PASSWORD)
        assert not AccessAttempt.objects.exists()

    def test_a_reset_second_factor_forgets_phone_and_backup_codes(self):
        user = person("admin")
        TOTPDevice.objects.create(user=user, confirmed=True)
        StaticDevice.objects.create(user=user)
        TOTPDevice.objects.create(user=user, confirmed=False)

        assert services.reset_second_factor(user_id=user.pk, reason="lost phone", actor=ROOT) == 3
        assert not TOTPDevice.objects.exists()
        assert AuditEntry.objects.get().after == {"devices": 3}

    def test_enabling_who_is_enabled_changes_nothing(self):
        services.enable_user(user_id=person("agent").pk, reason="x", actor=ROOT)

        assert trail() == []

    def test_unlocking_forgets_the_failures_of_that_name_only(self):
        user = person("agent")
        for name in (user.username, "somebody"):
            AccessAttempt.objects.create(username=name, ip_address="10.0.0.1", failures_since_start=5)

        assert services.unlock_user(user_id=user.pk, reason="called", actor=ROOT) == 1
        assert AccessAttempt.objects.get().username == "somebody"


@pytest.mark.django_db
class TestOwnAccount:
    def test_a_password_is_changed_by_whoever_knows_it(self):
        user = person("agent", must_change_password=True)

        services.change_own_password(user=user, old=PASSWORD, new="another good long one")

        user.refresh_from_db()
        assert user.check_password("another good long one")
        assert not user.must_change_password
        assert trail() == [("staff.user.password_changed", str(user.pk), str(user), "")]

    @pytest.mark.parametrize(
        ("old", "new", "field"),
        [
            ("wrong", "another good long one", "old"),
            (PASSWORD, PASSWORD, "new"),
            (PASSWORD, "short", "new"),
            (PASSWORD, "123456789012", "new"),
            (PASSWORD, "password1234", "new"),
            (PASSWORD, "lovelace-lovelace", "new"),
        ],
    )
    def test_a_wrong_old_or_a_weak_new_password_is_refused(self, old, new, field):
        user = person("agent", username="lovelace-lovelace1")

        with pytest.raises(PasswordRefused) as refusal:
            services.change_own_password(user=user, old=old, new=new)

        assert set(refusal.value.fields) == {field}
        user.refresh_from_db()
        assert user.check_password(PASSWORD)

    def test_a_language_is_one_the_console_speaks(self):
        user = person("agent")
        services.choose_language(user=user, language="zh-hans")

        with pytest.raises(LanguageUnknown):
            services.choose_language(user=user, language="tlh")

        assert User.objects.get().language == "zh-hans"


@pytest.mark.django_db
class TestTeams:
    def test_a_team_keeps_its_portfolios_tidy_and_its_history(self):
        team_id = services.create_team(name=" Night  shift ", portfolios=[" b ", "a", "", "a"], actor=ROOT)
        services.change_team(team_id=team_id, name="Night shift", portfolios=[], reason="all books", actor=ROOT)
        services.change_team(team_id=team_id, name="Night shift", portfolios=[], reason="again", actor=ROOT)

        entries = list(AuditEntry.objects.order_by("id"))
        assert [entry.verb for entry in entries] == ["staff.team.created", "staff.team.changed"]
        assert entries[0].after == {"name": "Night shift", "portfolios": ["a", "b"]}
        assert (entries[1].before["portfolios"], entries[1].after["portfolios"]) == (["a", "b"], [])

    @pytest.mark.parametrize(
        ("name", "portfolios", "field"),
        [("", [], "name"), ("x" * 81, [], "name"), ("Day", [], "name"), ("New", ["x" * 41], "portfolios")],
    )
    def test_a_team_that_cannot_be_is_refused(self, name, portfolios, field):
        services.create_team(name="Day", portfolios=[], actor=ROOT)

        with pytest.raises(TeamRefused) as refusal:
            services.create_team(name=name, portfolios=portfolios, actor=ROOT)

        assert set(refusal.value.fields) == {field}
        assert Team.objects.count() == 1

    def test_an_unknown_team_is_refused(self):
        with pytest.raises(TeamNotFound):
            services.change_team(team_id=404, name="x", portfolios=[], reason="", actor=ROOT)
