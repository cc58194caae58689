"""Every address of the API (contracts, section 4)."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView

from consortium.api import no_such_address
from sharing.api import collections, institutions, log, peer_groups, releases, rounds, submissions

app_name = "api"

urlpatterns = [
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path("collections", collections.Collections.as_view(), name="collections"),
    path("collections/<slug:code>", collections.CollectionTemplate.as_view(), name="collection"),
    path(
        "collections/<slug:code>/versions/<str:version>",
        collections.CollectionTemplate.as_view(),
        name="collection-version",
    ),
    path("rounds", rounds.Rounds.as_view(), name="rounds"),
    path("rounds/<slug:public_id>", rounds.OneRound.as_view(), name="round"),
    path("rounds/<slug:public_id>/submissions", rounds.Packages.as_view(), name="packages"),
    path("submissions", submissions.Submissions.as_view(), name="submissions"),
    path("submissions/<uuid:pk>", submissions.OneSubmission.as_view(), name="submission"),
    path("submissions/<uuid:pk>/findings", submissions.Findings.as_view(), name="findings"),
    path("submissions/<uuid:pk>/receipt", submissions.Receipt.as_view(), name="receipt"),
    path("submissions/<uuid:pk>/proof", log.SubmissionProof.as_view(), name="submission-proof"),
    path("submissions/<uuid:pk>/approve", submissions.Approve.as_view(), name="approve"),
    path("submissions/<uuid:pk>/withdraw", submissions.Withdraw.as_view(), name="withdraw"),
    path("releases", releases.Releases.as_view(), name="releases"),
    path("releases/<slug:release_id>", releases.OneRelease.as_view(), name="release"),
    path("releases/<slug:release_id>/cells", releases.Cells.as_view(), name="cells"),
    path("releases/<slug:release_id>/audit", releases.Audit.as_view(), name="audit"),
    path("releases/<slug:release_id>/statement", releases.OwnStatement.as_view(), name="statement"),
    path("releases/<slug:release_id>/proof", log.ReleaseProof.as_view(), name="release-proof"),
    path("log/head", log.Head.as_view(), name="log-head"),
    path("log/consistency", log.Consistency.as_view(), name="log-consistency"),
    path("log/entries", log.Entries.as_view(), name="log-entries"),
    path("peer-groups", peer_groups.PeerGroups.as_view(), name="peer-groups"),
    path("institutions/me", institutions.MyInstitution.as_view(), name="institution"),
    path("institutions/me/keys", institutions.MyKeys.as_view(), name="keys"),
    path("<path:rest>", no_such_address),
]
