"""The association's pages."""

from __future__ import annotations

from django.urls import path

from consortium.administration import views

urlpatterns = [
    path("administration/institutions/", views.institution_list, name="institutions"),
    path("administration/institutions/propose/", views.institution_propose, name="institution-propose"),
    path("administration/institutions/<str:institution>/", views.institution_detail, name="institution"),
    path("administration/institutions/<str:institution>/admit/", views.institution_admit, name="institution-admit"),
    path(
        "administration/institutions/<str:institution>/suspend/", views.institution_suspend, name="institution-suspend"
    ),
    path(
        "administration/institutions/<str:institution>/reinstate/",
        views.institution_reinstate,
        name="institution-reinstate",
    ),
    path("administration/people/", views.people_list, name="people"),
    path("administration/people/invite/", views.person_invite, name="person-invite"),
    path("administration/audit-log/", views.audit_log, name="audit-log"),
]
