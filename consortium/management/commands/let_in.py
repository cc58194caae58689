"""Lets a person of member services in, who invites everybody else: the first of an installation, or one locked out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from consortium.errors import Refused
from consortium.sign_on import way_in


class Command(BaseCommand):
    help = (
        "Open an account of member services, or rid one of a lost second factor; answers with a link that works once, "
        "on which the password is chosen. Recorded in the audit log."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="", help="of the person, when the account is to be opened")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            validate_email(options["email"])
            person = way_in.let_in(options["email"], options["name"].strip())
        except ValidationError as wrong:
            raise CommandError("This is no e-mail address.") from wrong
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stderr.write(f"{person.name} chooses a password within {settings.PASSWORD_RESET_TIMEOUT // 3600} hours at")
        self.stdout.write(way_in.link(person))
