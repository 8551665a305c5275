"""Tokens: shown once, kept as a digest, never more than their owner may."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from backoffice.audit.models import AuditEntry
from backoffice.staff.models import ApiToken
from backoffice.staff.services import issue_token, owner_of, revoke_token
from backoffice.staff.services.tokens import TokenNotFound, TokenRefused, tokens_of
from tests.staff.factories import person

pytestmark = pytest.mark.django_db


def issue(user, **changes):
    return issue_token(
        **{
            "user": user,
            "name": "nightly export",
            "scopes": ["console.home.view"],
            "days": 30,
            "actor": user.as_actor(),
        }
        | changes
    )


def test_the_secret_is_nowhere_in_the_database_or_the_trail():
    issued = issue(person("agent"))

    token = ApiToken.objects.get()
    assert issued.secret.startswith("bo_")
    assert issued.secret.startswith(token.prefix)
    assert issued.secret.encode() not in bytes(token.digest)
    assert issued.secret not in str(AuditEntry.objects.get().after)
    assert issued.secret not in repr(issued)


def test_the_secret_leads_to_its_owner_and_the_time_of_use_is_noted_once_a_minute(django_assert_num_queries):
    user = person("agent")
    issued = issue(user)

    with django_assert_num_queries(2):
        assert owner_of(secret=issued.secret).user == user
    first = ApiToken.objects.get().last_used_at
    with django_assert_num_queries(1):
        owner_of(secret=issued.secret)
    assert ApiToken.objects.get().last_used_at == first

    ApiToken.objects.update(last_used_at=Now() - timedelta(minutes=1, seconds=1))
    owner_of(secret=issued.secret)
    assert ApiToken.objects.get().last_used_at > first


@pytest.mark.parametrize(
    "change", [{"revoked_at": Now()}, {"expires_at": Now() - timedelta(seconds=1)}, {"digest": b"x" * 32}]
)
def test_a_token_that_is_revoked_expired_or_unknown_leads_to_nobody(change):
    issued = issue(person("agent"))
    ApiToken.objects.update(**change)

    assert owner_of(secret=issued.secret) is None


def test_the_token_of_a_disabled_person_leads_to_nobody():
    user = person("agent")
    issued = issue(user)
    user.is_active = False
    user.save()

    assert owner_of(secret=issued.secret) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scopes": ["staff.user.manage"]}, "scopes"),
        ({"scopes": ["console.home.view", "staff.user.manage"]}, "scopes"),
        ({"scopes": ["no.such.code"]}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"days": 0}, "days"),
        ({"days": 367}, "days"),
        ({"name": " "}, "name"),
    ],
)
def test_a_token_that_allows_more_than_its_owner_or_lives_too_long_is_refused(changes, field):
    with pytest.raises(TokenRefused) as refusal:
        issue(person("agent"), **changes)

    assert set(refusal.value.fields) == {field}
    assert not ApiToken.objects.exists()


def test_a_token_is_revoked_by_its_owner_once():
    user, other = person("agent"), person("agent")
    issued = issue(user)

    with pytest.raises(TokenNotFound):
        revoke_token(token_id=issued.token_id, user=other, actor=other.as_actor())
    revoke_token(token_id=issued.token_id, user=user, actor=user.as_actor())
    with pytest.raises(TokenNotFound):
        revoke_token(token_id=issued.token_id, user=user, actor=user.as_actor())

    assert tokens_of(user=user) == []
    assert owner_of(secret=issued.secret) is None
