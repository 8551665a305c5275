from django.apps import AppConfig


class DayendConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "backoffice.dayend"
    label = "dayend"
