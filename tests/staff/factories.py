"""People to act with in tests; the password is the same for all of them and works nowhere else."""

from typing import Any

import factory
from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice
from factory.django import DjangoModelFactory

from backoffice.core.actors import Actor
from backoffice.staff import sessions
from backoffice.staff.models import Team, User

PASSWORD = "correct horse battery staple"


class TeamFactory(DjangoModelFactory):
    """A team; it sees every portfolio unless the test names some."""

    name = factory.Sequence(lambda n: f"Team {n}")
    portfolios = factory.LazyFunction(list)

    class Meta:
        model = Team


class UserFactory(DjangoModelFactory):
    """An agent in a team that sees everything."""

    username = factory.Sequence(lambda n: f"person{n}")
    display_name = factory.Sequence(lambda n: f"Person {n}")
    roles = factory.LazyFunction(lambda: ["agent"])
    team = factory.SubFactory(TeamFactory)
    password = factory.django.Password(PASSWORD)

    class Meta:
        model = User


def person(*roles: str, **fields: Any) -> User:
    """A user with the roles; an agent when none is named."""
    return UserFactory(roles=list(roles) or ["agent"], **fields)


def actor(*roles: str, actor_id: int = 1, name: str = "Ada") -> Actor:
    """A member of staff as services see them, without a row."""
    return Actor(kind="staff", id=actor_id, name=name, roles=frozenset(roles))


def logged_in(client: Client, user: User, *, verified: bool = True) -> Client:
    """The client with the person logged in as after the login page, their one-time code given unless told otherwise."""
    client.force_login(user)
    session = client.session
    if user.needs_second_factor:
        device, _is_new = TOTPDevice.objects.get_or_create(user=user, confirmed=True, defaults={"name": "phone"})
        if verified:
            session[DEVICE_ID_SESSION_KEY] = device.persistent_id
    now = sessions.clock()
    session[sessions.BEGAN] = session[sessions.USED] = now
    session.save()
    return client
