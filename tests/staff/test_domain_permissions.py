"""The catalogue: every role known, every code readable, rows by team."""

import re

import pytest

from backoffice.staff.access import EVERYTHING, NOTHING, Scope
from backoffice.staff.domain.scope import scope_of
from backoffice.staff.models import User
from backoffice.staff.permissions import (
    NEEDS_SECOND_FACTOR,
    PERMISSIONS,
    ROLES,
    SEES_ALL_PORTFOLIOS,
    UnknownPermission,
    codes_of,
    roles_holding,
)


def test_the_roles_are_the_eight_of_the_house():
    assert list(ROLES) == [
        "agent",
        "senior_agent",
        "collector",
        "team_lead",
        "compliance",
        "analyst",
        "admin",
        "auditor",
    ]
    assert set(ROLES) >= NEEDS_SECOND_FACTOR | SEES_ALL_PORTFOLIOS


def test_every_permission_reads_app_thing_verb_has_words_and_a_known_role():
    for code, permission in PERMISSIONS.items():
        assert re.fullmatch(r"[a-z]+\.[a-z_]+\.[a-z_]+", code), code
        assert str(permission.label), code
        assert permission.roles, code
        assert permission.roles <= set(ROLES), code


@pytest.mark.parametrize(
    ("code", "roles"),
    [
        ("staff.user.manage", {"admin"}),
        ("audit.trail.view", {"compliance", "admin", "auditor"}),
        ("audit.approval_limit.edit", {"admin"}),
        ("customers.borrower.reveal", {"agent", "senior_agent", "collector", "team_lead", "compliance"}),
        ("customers.borrower.merge", {"senior_agent", "team_lead"}),
    ],
)
def test_the_most_dangerous_permissions_are_held_by_these_roles_and_no_other(code, roles):
    assert roles_holding(code=code) == roles


def test_an_auditor_reads_and_changes_nothing_but_their_own_account():
    verbs = {code.rsplit(".", 1)[1] for code in codes_of(roles=frozenset({"auditor"}))}

    assert verbs <= {"view", "search", "compute", "use", "export"}


def test_an_unknown_code_is_a_defect_and_not_a_no():
    with pytest.raises(UnknownPermission):
        User(roles=["admin"]).has_permission("staff.user.destroy")
    with pytest.raises(UnknownPermission):
        roles_holding(code="staff.user.destroy")


def test_a_disabled_person_holds_nothing():
    assert User(roles=["admin"]).has_permission("staff.user.manage")
    assert not User(roles=["admin"], is_active=False).has_permission("staff.user.manage")


@pytest.mark.parametrize(
    ("sees_all", "portfolios", "scope"),
    [
        (True, None, EVERYTHING),
        (True, ["a"], EVERYTHING),
        (False, None, NOTHING),
        (False, [], EVERYTHING),
        (False, ["a", "b"], Scope(portfolios=frozenset({"a", "b"}))),
    ],
)
def test_what_a_person_sees_follows_from_role_and_team(sees_all, portfolios, scope):
    assert scope_of(sees_all=sees_all, team_portfolios=portfolios) == scope


def test_a_scope_covers_its_portfolios_only():
    scope = Scope(portfolios=frozenset({"a"}))

    assert scope.covers(portfolio="a")
    assert not scope.covers(portfolio="b")
    assert EVERYTHING.covers(portfolio="b")
    assert not NOTHING.covers(portfolio="a")
