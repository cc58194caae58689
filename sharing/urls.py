"""Pages of the cycle."""

from __future__ import annotations

from django.urls import path

from sharing.views import benchmarks, releases, rounds, submissions

urlpatterns = [
    path("benchmarks/", benchmarks.explorer, name="benchmarks"),
    path("benchmarks/chart.<str:drawing>", benchmarks.chart, name="benchmarks-chart"),
    path("benchmarks/figures.<str:format>", benchmarks.figures, name="benchmarks-figures"),
    path("submissions/", submissions.listing, name="submissions"),
    path("submissions/<uuid:pk>/", submissions.detail, name="submission"),
    path("submissions/<uuid:pk>/receipt/", submissions.receipt, name="submission-receipt"),
    path("submissions/<uuid:pk>/approve/", submissions.approve, name="submission-approve"),
    path("submissions/<uuid:pk>/withdraw/", submissions.withdraw, name="submission-withdraw"),
    path("releases/", releases.listing, name="releases"),
    path("releases/<slug:release_id>/", releases.detail, name="release"),
    path("releases/<slug:release_id>/figures.<str:format>", releases.figures, name="release-figures"),
    path("releases/<slug:release_id>/approve/", releases.approve, name="release-approve"),
    path("releases/<slug:release_id>/publish/", releases.publish, name="release-publish"),
    path("releases/<slug:release_id>/refuse/", releases.refuse, name="release-refuse"),
    path("releases/<slug:release_id>/withdraw/", releases.withdraw, name="release-withdraw"),
    path("rounds/", rounds.board, name="rounds"),
    path("rounds/plan/", rounds.plan, name="round-plan"),
    path("rounds/<slug:public_id>/", rounds.detail, name="round"),
    path("rounds/<slug:public_id>/send/", submissions.send, name="submission-send"),
    path("rounds/<slug:public_id>/open/", rounds.move, {"verb": "open"}, name="round-open"),
    path("rounds/<slug:public_id>/close/", rounds.move, {"verb": "close"}, name="round-close"),
    path("rounds/<slug:public_id>/reopen/", rounds.move, {"verb": "reopen"}, name="round-reopen"),
    path("rounds/<slug:public_id>/compute/", rounds.move, {"verb": "compute"}, name="round-compute"),
]
