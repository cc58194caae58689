"""Signing in. Only what we offer: there is no sign-up and no second e-mail address."""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.contrib.auth.decorators import login_not_required
from django.urls import path, re_path

from consortium.sign_on import saml
from consortium.sign_on.views import security as views, setup, start

urlpatterns = [
    path("accounts/login/", account.login, name="account_login"),
    path("accounts/logout/", account.logout, name="account_logout"),
    path("accounts/inactive/", account.account_inactive, name="account_inactive"),
    path("accounts/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("accounts/password/change/", account.password_change, name="account_change_password"),
    path("accounts/password/set/", account.password_set, name="account_set_password"),
    path("accounts/password/reset/", account.password_reset, name="account_reset_password"),
    path("accounts/password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        views.NewPassword.as_view(),
        name="account_reset_password_from_key",
    ),
    path(
        "accounts/password/reset/key/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("accounts/sessions/", views.own_sessions, name="usersessions_list"),
    path("accounts/2fa/", mfa.index, name="mfa_index"),
    path("accounts/2fa/authenticate/", mfa.authenticate, name="mfa_authenticate"),
    path("accounts/2fa/reauthenticate/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("accounts/2fa/totp/activate/", totp.activate_totp, name="mfa_activate_totp"),
    path("accounts/2fa/totp/deactivate/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("accounts/2fa/recovery-codes/", recovery_codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "accounts/2fa/recovery-codes/generate/",
        recovery_codes.generate_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
    path("accounts/2fa/keys/", webauthn.list_webauthn, name="mfa_list_webauthn"),
    path("accounts/2fa/keys/add/", webauthn.add_webauthn, name="mfa_add_webauthn"),
    path("accounts/2fa/keys/sign-in/", login_not_required(webauthn.login_webauthn), name="mfa_login_webauthn"),
    path("accounts/2fa/keys/reauthenticate/", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path(
        "accounts/2fa/keys/<int:key_id>/edit/",
        webauthn.EditWebAuthnView.as_view(pk_url_kwarg="key_id"),
        name="mfa_edit_webauthn",
    ),
    path(
        "accounts/2fa/keys/<int:key_id>/remove/",
        views.RemoveKey.as_view(pk_url_kwarg="key_id"),
        name="mfa_remove_webauthn",
    ),
    path("people/<int:person_id>/security/", views.person_security, name="person-security"),
    path(
        "people/<int:person_id>/security/reset-second-factor/",
        views.reset_second_factor,
        name="person-reset-second-factor",
    ),
    path("people/<int:person_id>/security/forget-identity/", views.forget_identity, name="person-forget-identity"),
    path("people/<int:person_id>/security/end-sessions/", views.end_sessions, name="person-end-sessions"),
    path("accounts/sign-on/", start.start, name="sign-on-start"),
    path("accounts/sign-on/oidc/<slug:slug>/callback/", start.oidc_callback, name="sign-on-oidc-callback"),
    # by the names that django-allauth asks for
    path("accounts/sign-on/saml/<slug:organization_slug>/acs/", saml.acs, name="saml_acs"),
    path("accounts/sign-on/saml/<slug:organization_slug>/acs/finish/", saml.Finish.as_view(), name="saml_finish_acs"),
    path("accounts/sign-on/saml/<slug:organization_slug>/logout/", saml.logout, name="saml_sls"),
    path("accounts/sign-on/saml/<slug:organization_slug>/metadata/", saml.metadata, name="saml_metadata"),
    path("institution/sign-on/", setup.sign_on, name="sign-on"),
    path("institution/sign-on/openid/", setup.openid, name="sign-on-openid"),
    path("institution/sign-on/saml/", setup.saml, name="sign-on-saml"),
    path("institution/sign-on/switch/", setup.switch, name="sign-on-switch"),
    path("institution/sign-on/enforce/", setup.enforce, name="sign-on-enforce"),
    path("institution/sign-on/stop-enforcing/", setup.stop_enforcing, name="sign-on-stop-enforcing"),
]
