from django.apps import AppConfig


class MembershipConfig(AppConfig):
    name = "consortium.membership"
    default_auto_field = "django.db.models.BigAutoField"
