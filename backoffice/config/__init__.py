"""The top layer: settings, addresses, the task queue, and what ties the apps together."""

from backoffice.config.celery import app as celery_app

__all__ = ["celery_app"]
