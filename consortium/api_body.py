"""How the API reads JSON. A module of its own: the framework imports it while `consortium.api` imports the framework."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.parsers import JSONParser


class JsonBody(JSONParser):
    """JSON; what nests deeper than Python reads is as malformed as the rest."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(*args, **kwargs)
        except RecursionError as wrong:
            raise exceptions.ParseError(_("The JSON is nested too deeply.")) from wrong
