from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "consortium.web"
    default_auto_field = "django.db.models.BigAutoField"
