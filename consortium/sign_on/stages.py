"""The step between a password and being signed in."""

from __future__ import annotations

from allauth.mfa.stages import AuthenticateStage
from django.http import HttpRequest

from consortium.sign_on import directories


class SecondFactorStage(AuthenticateStage):
    """Asks for the second factor, unless the institution's directory has and the institution says so."""

    def _should_handle(self, request: HttpRequest) -> bool:
        if (
            self.login.user is not None
            and self._came_through_directory()
            and directories.trusted(request, self.login.user)
        ):
            return False
        return bool(super()._should_handle(request))

    def _came_through_directory(self) -> bool:
        return "sociallogin" in (self.login.signal_kwargs or {})
