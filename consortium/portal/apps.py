from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "consortium.portal"
    default_auto_field = "django.db.models.BigAutoField"
