"""People over the API."""

import pytest
from rest_framework.test import APIClient

from backoffice.audit.models import AuditEntry, IdempotencyKey
from backoffice.staff import services
from backoffice.staff.models import User
from backoffice.staff.permissions import PERMISSIONS, codes_of
from tests.staff.factories import TeamFactory, person

pytestmark = pytest.mark.django_db

ROOT = "/api/v1/staff"


def client_of(*roles, **fields):
    client = APIClient()
    client.user = person(*roles, **fields)
    client.force_authenticate(client.user)
    return client


def test_a_person_is_told_who_they_are_and_what_they_may_do():
    agent = client_of("agent", team__portfolios=["cash"])

    answer = agent.get(f"{ROOT}/me/").json()

    assert (answer["username"], answer["roles"], answer["portfolios"]) == (agent.user.username, ["agent"], ["cash"])
    assert answer["sees_all_portfolios"] is False
    assert answer["permissions"] == sorted(codes_of(roles=frozenset({"agent"})))


def test_a_token_is_told_what_it_may_do_itself():
    user = person("agent")
    issued = services.issue_token(
        user=user, name="x", scopes=["staff.account.use", "console.home.view"], days=1, actor=user.as_actor()
    )

    answer = APIClient().get(f"{ROOT}/me/", headers={"Authorization": f"Token {issued.secret}"}).json()

    assert answer["permissions"] == ["console.home.view", "staff.account.use"]


def test_an_administrator_makes_changes_and_shuts_out_a_user():
    admin, team = client_of("admin"), TeamFactory()
    data = {"username": "Ada", "display_name": "Ada", "roles": ["agent"], "team_id": team.pk}

    made = admin.post(f"{ROOT}/users/", data, format="json")
    taken = admin.post(f"{ROOT}/users/", data, format="json")
    user = User.objects.get(username="ada")
    url = f"{ROOT}/users/{user.pk}/"
    changed = admin.put(url, {"display_name": "Ada L", "roles": ["team_lead"]}, format="json")
    shut = admin.post(f"{url}disable/", {"reason": "left"}, format="json")
    back = admin.post(f"{url}enable/", {"reason": "came back"}, format="json")

    assert user.check_password(made.json()["password"])
    assert made.headers["Cache-Control"] == "no-store"
    assert not IdempotencyKey.objects.exists()
    assert (taken.status_code, set(taken.json()["fields"])) == (422, {"username"})
    assert (changed.json()["display_name"], changed.json()["roles"], changed.json()["team_id"]) == (
        "Ada L",
        ["team_lead"],
        None,
    )
    assert (shut.json()["is_active"], back.json()["is_active"]) == (False, True)
    assert list(AuditEntry.objects.order_by("id").values_list("verb", flat=True)) == [
        "staff.user.created",
        "staff.user.changed",
        "staff.user.disabled",
        "staff.user.enabled",
    ]


@pytest.mark.parametrize("role", ["agent", "team_lead", "auditor", "compliance"])
def test_nobody_else_manages_users(role):
    client, target = client_of(role), person("agent")
    url = f"{ROOT}/users/{target.pk}/"

    assert client.post(f"{ROOT}/users/", {}, format="json").status_code == 403
    assert client.put(url, {"display_name": "x", "roles": ["admin"]}, format="json").status_code == 403
    assert client.post(f"{url}disable/", {"reason": "because"}, format="json").status_code == 403
    target.refresh_from_db()
    assert (target.roles, target.is_active) == (["agent"], True)


def test_users_are_listed_by_role_team_and_standing():
    auditor, team = client_of("auditor"), TeamFactory()
    lead = person("team_lead", "agent", team=team)
    person("collector", is_active=False)

    def names(**query):
        return [row["username"] for row in auditor.get(f"{ROOT}/users/", query).json()["results"]]

    assert names(role="team_lead") == [lead.username]
    assert names(team=team.pk) == [lead.username]
    assert len(names(is_active="true")) == 2
    assert auditor.get(f"{ROOT}/users/", {"role": "king"}).status_code == 400
    assert auditor.get(f"{ROOT}/users/404/").json()["code"] == "staff.user_not_found"
    assert "password" not in auditor.get(f"{ROOT}/users/{lead.pk}/").json()


def test_teams_and_the_catalogue_are_read():
    auditor = client_of("auditor", team=TeamFactory(name="Night", portfolios=["cash"]))

    assert auditor.get(f"{ROOT}/teams/").json()["teams"] == [
        {"id": auditor.user.team_id, "name": "Night", "portfolios": ["cash"], "members_count": 1}
    ]
    catalogue = auditor.get(f"{ROOT}/permissions/").json()["permissions"]
    assert [each["code"] for each in catalogue] == sorted(PERMISSIONS)
    assert {each["code"]: each["roles"] for each in catalogue}["staff.user.manage"] == ["admin"]


def test_tokens_are_listed_without_their_secret_and_revoked():
    agent = client_of("agent")
    issued = services.issue_token(
        user=agent.user, name="x", scopes=["console.home.view"], days=1, actor=agent.user.as_actor()
    )

    (listed,) = agent.get(f"{ROOT}/tokens/").json()["tokens"]
    assert issued.secret not in str(listed)
    assert client_of("agent").post(f"{ROOT}/tokens/{issued.token_id}/revoke/").status_code == 404
    assert agent.post(f"{ROOT}/tokens/{issued.token_id}/revoke/").json() == {"tokens": []}
    assert services.owner_of(secret=issued.secret) is None
