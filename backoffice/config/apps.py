from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The app that knows all the others: it fills the registries that lower apps leave open."""

    name = "backoffice.config"
    label = "config"

    def ready(self) -> None:
        """Connects the table of reactions and what approvals carry out, and makes every task known by its name."""
        from backoffice.audit import outbox
        from backoffice.config.approvals import register_all
        from backoffice.config.celery import app
        from backoffice.config.subscriptions import SUBSCRIPTIONS

        outbox.subscribe(SUBSCRIPTIONS)
        register_all()
        # Celery looks for tasks in workers only; web processes and commands hand out tasks by name too.
        app.autodiscover_tasks(force=True)
