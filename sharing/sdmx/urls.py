"""The SDMX web service below /sdmx/2.1/ (API 1.x) and /sdmx/3.0/ (API 2.x)."""

from __future__ import annotations

from django.urls import path

from sharing.api.urls import Anything  # noqa: F401  registers the converter that the addresses use
from sharing.sdmx import views

app_name = "sdmx"

urlpatterns = [
    path("2.1/data/<anything:address>", views.Data.as_view(), name="data-21"),
    path("2.1/availableconstraint/<anything:address>", views.Availability.as_view(), name="availability-21"),
    path("2.1/schema/<anything:address>", views.Elsewhere.as_view(), name="schema-21"),
    path("2.1/metadata/<anything:address>", views.Elsewhere.as_view(), name="metadata-21"),
    path("2.1/<anything:address>", views.Structures.as_view(), name="structures-21"),
    path("3.0/data/<anything:address>", views.Data30.as_view(), name="data-30"),
    path("3.0/availability/<anything:address>", views.Availability30.as_view(), name="availability-30"),
    path("3.0/structure/<anything:address>", views.Structures30.as_view(), name="structures-30"),
    path("3.0/<anything:address>", views.Elsewhere30.as_view(), name="elsewhere-30"),
    path("<anything:address>", views.Elsewhere.as_view(), name="elsewhere"),
]
