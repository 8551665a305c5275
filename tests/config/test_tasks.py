"""A web process knows every task it may hand out, not only a worker."""

import os
import subprocess
import sys

NAMES = """
import django; django.setup()
import backoffice.config.urls
from backoffice.audit.outbox import DISPATCH_TASK, task_named
from backoffice.config.subscriptions import SUBSCRIPTIONS
for name in [DISPATCH_TASK, *(task for tasks in SUBSCRIPTIONS.values() for task in tasks)]:
    print(task_named(name).name)
"""


def test_a_web_process_knows_the_dispatcher_and_every_subscribed_task():
    done = subprocess.run(
        [sys.executable, "-c", NAMES],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "backoffice.config.settings"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "audit.dispatch_outbox" in done.stdout.split()
