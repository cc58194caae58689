from django.apps import AppConfig


class ConsortiumConfig(AppConfig):
    """The project itself: its queue, and the commands that run a whole consortium."""

    name = "consortium"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from consortium.celery import app

        app.set_default()  # for every thread: tasks sent from a web thread go to the configured broker
