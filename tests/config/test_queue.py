"""The queue's promises: JSON only, a killed worker's task comes back, and every name in a table names a task."""

import pytest
from django.conf import settings

from backoffice.config.celery import app
from backoffice.config.subscriptions import SUBSCRIPTIONS


@pytest.fixture(scope="module")
def tasks() -> set[str]:
    app.loader.import_default_modules()
    return set(app.tasks)


def test_tasks_are_json_and_survive_a_killed_worker() -> None:
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_serializer == "json"
    assert app.conf.task_acks_late is True
    assert app.conf.task_reject_on_worker_lost is True
    assert app.conf.worker_prefetch_multiplier == 1


def test_every_scheduled_task_exists(tasks: set[str]) -> None:
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} - tasks == set()


def test_every_reaction_names_a_task(tasks: set[str]) -> None:
    assert {name for names in SUBSCRIPTIONS.values() for name in names} - tasks == set()
