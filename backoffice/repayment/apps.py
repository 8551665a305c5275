from django.apps import AppConfig


class RepaymentConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "backoffice.repayment"
    label = "repayment"
