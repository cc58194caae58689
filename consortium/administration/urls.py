"""The association's pages."""

from __future__ import annotations

from django.urls import path

from consortium.administration.views import affiliates, agreements, applications, audit_log, institutions, people
from consortium.membership.views import people as accounts

_A = "administration/"
_ACCOUNTS = {"area": accounts.ASSOCIATION}

urlpatterns = [
    path(f"{_A}applications/", applications.application_list, name="applications"),
    path(f"{_A}applications/<uuid:application>/", applications.application_detail, name="application"),
    path(f"{_A}applications/<uuid:application>/take-up/", applications.take_up, name="application-take-up"),
    path(f"{_A}applications/<uuid:application>/ask/", applications.ask, name="application-ask"),
    path(f"{_A}applications/<uuid:application>/decline/", applications.decline, name="application-decline"),
    path(f"{_A}applications/<uuid:application>/admit/", applications.admit, name="application-admit"),
    path(f"{_A}institutions/", institutions.institution_list, name="institutions"),
    path(f"{_A}institutions/propose/", institutions.institution_propose, name="institution-propose"),
    path(f"{_A}institutions/<str:institution>/", institutions.institution_detail, name="institution"),
    path(f"{_A}institutions/<str:institution>/correct/", institutions.institution_correct, name="institution-correct"),
    path(f"{_A}institutions/<str:institution>/admit/", institutions.institution_admit, name="institution-admit"),
    path(f"{_A}institutions/<str:institution>/suspend/", institutions.institution_suspend, name="institution-suspend"),
    path(
        f"{_A}institutions/<str:institution>/reinstate/",
        institutions.institution_reinstate,
        name="institution-reinstate",
    ),
    path(f"{_A}institutions/<str:institution>/end/", institutions.institution_end, name="institution-end"),
    path(
        f"{_A}institutions/<str:institution>/departure/confirm/",
        institutions.departure_confirm,
        name="departure-confirm",
    ),
    path(
        f"{_A}institutions/<str:institution>/departure/call-off/",
        institutions.departure_call_off,
        name="departure-call-off",
    ),
    path(f"{_A}affiliates/", affiliates.group_list, name="affiliates"),
    path(f"{_A}affiliates/new/", affiliates.group_new, name="affiliate-group-new"),
    path(f"{_A}affiliates/<str:group>/", affiliates.group_detail, name="affiliate-group"),
    path(f"{_A}affiliates/<str:group>/join/", affiliates.group_join, name="affiliate-join"),
    path(f"{_A}affiliates/<str:group>/<str:institution>/leave/", affiliates.group_leave, name="affiliate-leave"),
    path(f"{_A}agreements/", agreements.agreement_board, name="agreement-board"),
    path(f"{_A}agreements/issue/", agreements.agreement_issue, name="agreement-issue"),
    path(f"{_A}people/", people.people_list, name="people"),
    path(f"{_A}people/invite/", people.person_invite, name="person-invite"),
    path(f"{_A}people/<int:person_id>/", accounts.person_detail, _ACCOUNTS, name="person"),
    path(f"{_A}people/<int:person_id>/close/", accounts.close, _ACCOUNTS, name="person-close"),
    path(f"{_A}people/<int:person_id>/reopen/", accounts.reopen, _ACCOUNTS, name="person-reopen"),
    path(f"{_A}invitations/<int:invitation_id>/send/", accounts.resend, _ACCOUNTS, name="invitation-send"),
    path(f"{_A}invitations/<int:invitation_id>/revoke/", accounts.revoke, _ACCOUNTS, name="invitation-revoke"),
    path(f"{_A}audit-log/", audit_log.audit_log, name="audit-log"),
]
