"""Users, teams and one's own account: who may open what, and what each form does."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from backoffice.audit.models import AuditEntry
from backoffice.staff import services
from backoffice.staff.models import ApiToken, Team, User
from backoffice.staff.permissions import ROLES
from backoffice.staff.services import tokens
from tests.staff.factories import PASSWORD, TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client):
    user = person("admin", display_name="Root")
    logged_in(client, user)
    return user


def confirm(client, url, **fields):
    """Sends a confirm panel as a person does: looks at it, then sends what was seen."""
    seen = client.post(url, {"look": "1", "reason": "because", **fields}).context["panel"].consequence
    data = {"reason": "because", "seen": seen.fingerprint if seen else "", "key": "k", **fields}
    return client.post(url, data)


@pytest.mark.parametrize("role", list(ROLES))
def test_pages_of_people_open_for_the_roles_of_the_table_only(client, role):
    user = person(role)
    logged_in(client, user)
    other, team = person("agent"), TeamFactory()
    may_view, may_manage = role in {"admin", "auditor", "compliance", "team_lead"}, role == "admin"

    for name, arguments, allowed in [
        ("users", [], may_view),
        ("teams", [], may_view),
        ("new_user", [], may_manage),
        ("user", [other.pk], may_view),
        ("change_user", [other.pk], may_manage),
        ("disable_user", [other.pk], may_manage),
        ("reset_password", [other.pk], may_manage),
        ("new_team", [], may_manage),
        ("team", [team.pk], may_manage),
        ("account", [], True),
    ]:
        url = reverse(f"staff:{name}", args=arguments)
        assert client.get(url).status_code == (200 if allowed else 403), url
        if not may_manage and name not in {"users", "user", "teams", "account"}:
            assert client.post(url, {"reason": "because"}).status_code == 403, url
    other.refresh_from_db()
    assert other.is_active
    assert other.check_password(PASSWORD)


def test_the_row_of_a_team_leads_only_those_to_it_who_may_change_it(client):
    team = TeamFactory()
    address = reverse("staff:team", args=[team.pk])
    for role, leads in (("admin", True), ("team_lead", False), ("auditor", False)):
        logged_in(client, person(role))
        assert (f'data-href="{address}"' in client.get(reverse("staff:teams")).content.decode()) is leads, role


class TestUsers:
    def test_the_list_costs_the_same_for_three_people_and_for_forty(self, client, admin, django_assert_num_queries):
        person("agent")
        client.get(reverse("staff:users"))
        with CaptureQueriesContext(connection) as few:
            client.get(reverse("staff:users"))
        for _ in range(40):
            person("agent")

        with django_assert_num_queries(len(few)):
            answer = client.get(reverse("staff:users"))

        assert len(answer.context["table"].lines) == 42

    def test_the_list_tells_role_second_factor_and_state(self, client, admin):
        person("agent", username="gone", is_active=False)
        locked = person("compliance", username="locked", display_name="Locked")
        TOTPDevice.objects.filter(user=locked).delete()
        for _ in range(5):
            client.post("/login/", {"username": "locked", "password": "x"})

        lines = client.get(reverse("staff:users")).context["table"].lines
        with_gone = client.get(reverse("staff:users"), {"disabled": "1"}).context["table"].lines

        shown = {line.row.username: [cell.value for cell in line.cells] for line in lines}
        assert shown["locked"][2:6] == ["Compliance officer", locked.team.name, "missing", "locked"]
        assert "gone" not in shown
        assert "gone" in {line.row.username for line in with_gone}

    @pytest.mark.parametrize("query", ["role=king", "team=1 OR 1=1", "sort=password", "cursor=junk", "disabled=2"])
    def test_an_address_made_up_by_hand_is_refused_in_words(self, client, admin, query):
        answer = client.get(f"{reverse('staff:users')}?{query}")

        assert answer.context["refusal"].code in {"core.list_not_readable", "core.cursor_not_usable"}
        assert answer.status_code == answer.context["refusal"].status

    def test_a_new_user_gets_a_password_shown_once(self, client, admin):
        answer = client.post(
            reverse("staff:new_user"), {"username": "ada", "display_name": "Ada", "roles": ["agent", "collector"]}
        )

        user = User.objects.get(username="ada")
        password = answer.context["password"]
        assert answer.status_code == 201
        assert user.check_password(password)
        assert password in answer.content.decode()
        assert "no-store" in answer.headers["Cache-Control"]
        assert password not in client.get(reverse("staff:user", args=[user.pk])).content.decode()

    def test_a_form_with_faults_comes_back_with_them(self, client, admin):
        answer = client.post(reverse("staff:new_user"), {"username": "root user", "display_name": "x", "roles": []})

        assert answer.status_code == 422
        assert set(answer.context["form"].errors) == {"roles"}
        answer = client.post(reverse("staff:new_user"), {"username": "a b", "display_name": "x", "roles": ["agent"]})
        assert set(answer.context["form"].errors) == {"username"}

    def test_a_change_is_kept_and_traced(self, client, admin):
        user, team = person("agent"), TeamFactory(name="Night")

        answer = client.post(
            reverse("staff:change_user", args=[user.pk]),
            {"display_name": "New", "roles": ["team_lead"], "team": str(team.pk), "language": "zh-hans"},
        )

        user.refresh_from_db()
        assert answer.status_code == 303
        assert (user.display_name, user.roles, user.team, user.language) == ("New", ["team_lead"], team, "zh-hans")
        assert AuditEntry.objects.get().actor_id == admin.pk

    def test_an_administrator_ends_a_token_of_another_person(self, client, admin):
        user = person("agent")
        issued = tokens.issue_token(
            user=user, name="dialer", scopes=["staff.account.use"], days=9, actor=user.as_actor()
        )
        url = reverse("staff:revoke_token_of", args=[user.pk, issued.token_id])

        assert url in client.get(reverse("staff:user", args=[user.pk])).content.decode()
        answer = confirm(client, url)

        entry = AuditEntry.objects.get(verb="staff.token.revoked")
        assert (answer.status_code, answer.headers["Location"]) == (303, reverse("staff:user", args=[user.pk]))
        assert tokens.owner_of(secret=issued.secret) is None
        assert (entry.actor_id, entry.reason) == (admin.pk, "because")
        assert client.get(url).status_code == 404
        assert client.get(reverse("staff:revoke_token_of", args=[admin.pk, issued.token_id])).status_code == 404

    def test_an_administrator_cannot_change_their_own_roles_from_the_page(self, client, admin):
        answer = client.post(
            reverse("staff:change_user", args=[admin.pk]), {"display_name": "Root", "roles": ["agent"]}
        )

        admin.refresh_from_db()
        assert (answer.status_code, admin.roles) == (403, ["admin"])

    @pytest.mark.parametrize(
        ("name", "check"),
        [
            ("disable_user", lambda user: not user.is_active),
            ("enable_user", lambda user: user.is_active),
            ("unlock_user", lambda user: user.is_active),
            ("reset_second_factor", lambda user: not TOTPDevice.objects.filter(user=user).exists()),
        ],
    )
    def test_each_verb_is_confirmed_done_and_traced(self, client, admin, name, check):
        user = person("agent", is_active=name != "enable_user")
        TOTPDevice.objects.create(user=user, confirmed=True)

        answer = confirm(client, reverse(f"staff:{name}", args=[user.pk]))

        user.refresh_from_db()
        assert answer.status_code == 303
        assert check(user)
        assert AuditEntry.objects.get().reason == "because"

    def test_a_verb_without_a_reason_is_not_done(self, client, admin):
        user = person("agent")

        answer = client.post(reverse("staff:disable_user", args=[user.pk]), {"reason": "", "seen": "x", "key": "k"})

        user.refresh_from_db()
        assert (answer.status_code, user.is_active) == (422, True)

    def test_a_reset_password_is_shown_once_and_needs_a_reason(self, client, admin):
        user = person("agent")
        url = reverse("staff:reset_password", args=[user.pk])

        assert client.post(url, {"reason": ""}).status_code == 422
        answer = client.post(url, {"reason": "forgot it"})

        user.refresh_from_db()
        assert answer.status_code == 201
        assert user.check_password(answer.context["password"])

    def test_an_unknown_user_is_not_found(self, client, admin):
        for name in ("user", "change_user", "disable_user", "reset_password"):
            assert client.get(reverse(f"staff:{name}", args=[404])).status_code == 404


class TestTeams:
    def test_a_team_is_made_and_changed_with_its_portfolios(self, client, admin):
        client.post(reverse("staff:new_team"), {"name": "Night", "portfolios": "cash\r\n  card \n\n"})
        team = Team.objects.get(name="Night")
        assert team.portfolios == ["card", "cash"]

        answer = client.post(reverse("staff:team", args=[team.pk]), {"name": "Night", "portfolios": ""})

        team.refresh_from_db()
        assert (answer.status_code, team.portfolios) == (303, [])
        assert client.post(reverse("staff:new_team"), {"name": "night" * 20}).status_code == 422
        assert client.post(reverse("staff:new_team"), {"name": "Night"}).status_code == 422
        assert client.get(reverse("staff:team", args=[404])).status_code == 404

    def test_the_list_counts_people_who_may_log_in(self, client, admin):
        team = TeamFactory(name="Night")
        person("agent", team=team)
        person("agent", team=team, is_active=False)

        lines = client.get(reverse("staff:teams")).context["table"].lines
        assert client.get(reverse("staff:teams"), {"sort": "secret"}).status_code == 400

        assert [cell.value for line in lines if line.row == team for cell in line.cells] == ["Night", "all", 1]


class TestOwnAccount:
    def test_a_token_is_shown_once_listed_and_revoked(self, client):
        user = person("agent")
        logged_in(client, user)

        made = client.post(
            reverse("staff:issue_token"), {"name": "export", "days": "30", "scopes": ["console.home.view"]}
        )
        token = ApiToken.objects.get()

        assert made.status_code == 201
        assert services.owner_of(secret=made.context["secret"]).user == user
        page = client.get(reverse("staff:account")).content.decode()
        assert made.context["secret"] not in page
        assert token.prefix in page
        assert client.post(reverse("staff:revoke_token", args=[token.pk])).status_code == 303
        assert services.owner_of(secret=made.context["secret"]) is None
        assert client.post(reverse("staff:revoke_token", args=[token.pk])).status_code == 404

    def test_a_token_offers_and_takes_only_what_its_owner_may(self, client):
        logged_in(client, person("agent"))
        url = reverse("staff:issue_token")

        offered = {code for code, _label in client.get(url).context["form"].fields["scopes"].choices}
        answer = client.post(url, {"name": "x", "days": "30", "scopes": ["staff.user.manage"]})

        assert "staff.user.manage" not in offered
        assert "customers.borrower.view" in offered
        assert (answer.status_code, ApiToken.objects.count()) == (422, 0)

    def test_the_token_of_somebody_else_cannot_be_revoked(self, client):
        other = person("agent")
        issued = services.issue_token(
            user=other, name="x", scopes=["console.home.view"], days=1, actor=other.as_actor()
        )
        logged_in(client, person("agent"))

        assert client.post(reverse("staff:revoke_token", args=[issued.token_id])).status_code == 404
        assert services.owner_of(secret=issued.secret) is not None

    def test_the_language_is_kept_and_an_unknown_one_refused(self, client):
        user = person("agent")
        logged_in(client, user)

        assert client.post(reverse("staff:language"), {"language": "zh-hans"}).status_code == 303
        assert client.post(reverse("staff:language"), {"language": "tlh"}).status_code == 422

        user.refresh_from_db()
        assert user.language == "zh-hans"

    def test_the_language_of_the_browser_is_followed_when_none_is_chosen(self, client):
        user = person("agent", language="zh-hans")
        logged_in(client, user)

        answer = client.post(reverse("staff:language"), {"language": ""})

        user.refresh_from_db()
        assert user.language == ""
        assert answer.cookies["django_language"].value == ""

    def test_a_wrong_password_is_told_at_its_field(self, client):
        user = person("agent")
        logged_in(client, user)
        fields = {"old": "wrong", "new": "a long and winding road", "again": "a long and winding road"}

        answer = client.post(reverse("staff:password"), fields)

        user.refresh_from_db()
        assert (answer.status_code, set(answer.context["form"].errors)) == (422, {"old"})
        assert user.check_password(PASSWORD)

    def test_a_token_for_nothing_is_refused_at_its_field(self, client):
        logged_in(client, person("agent"))

        answer = client.post(
            reverse("staff:issue_token"), {"name": "  ", "days": "367", "scopes": ["console.home.view"]}
        )

        assert answer.status_code == 422
        assert set(answer.context["form"].errors) == {"name", "days"}

    def test_new_backup_codes_take_the_place_of_the_old_ones(self, client):
        user = person("admin")
        logged_in(client, user)
        old = services.renew_backup_codes(user=user)

        answer = client.post(reverse("staff:backup_codes"))

        fresh = set(StaticToken.objects.values_list("token", flat=True))
        assert answer.status_code == 200
        assert len(fresh) == 10
        assert fresh & set(old) == set()

    def test_backup_codes_without_a_phone_are_refused(self, client):
        logged_in(client, person("agent"))

        assert client.post(reverse("staff:backup_codes")).status_code == 409


class TestApi:
    URL = "/api/v1/calendars/business-day/"

    def test_a_token_opens_what_its_scopes_and_its_owners_roles_allow(self, client):
        user = person("agent")
        wide = services.issue_token(
            user=user, name="x", scopes=["calendars.day.view"], days=1, actor=user.as_actor()
        ).secret
        narrow = services.issue_token(
            user=user, name="x", scopes=["console.home.view"], days=1, actor=user.as_actor()
        ).secret

        def status(authorization):
            return client.get(self.URL, headers={"Authorization": authorization}).status_code

        # 409: allowed in, and no business day is open in this test.
        assert status(f"Token {wide}") == 409
        assert status(f"Bearer {wide}") == 409
        assert status(f"Token {narrow}") == 403
        assert status("Token bo_unknown") == 401
        assert status("Token") == 401
        assert status(f"Token {wide} more") == 401
        assert status("Token " + "x" * 200) == 401
        assert status("Basic YTpi") == 401
        user.roles = []
        user.save()
        assert status(f"Token {wide}") == 403
        user.is_active = False
        user.save()
        assert status(f"Token {wide}") == 401
