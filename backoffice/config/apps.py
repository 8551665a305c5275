from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The app that knows all the others: it fills the registries that lower apps leave open."""

    name = "backoffice.config"
    label = "config"
