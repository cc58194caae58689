"""Pages of the cycle."""

from __future__ import annotations

from itertools import chain

from django.urls import path

from sharing.views import (
    analytics,
    benchmarks,
    calendar,
    deadlines,
    no_data,
    quality,
    queries,
    releases,
    reminders,
    round_keys,
    rounds,
    sealing,
    submissions,
)

urlpatterns = [
    path("benchmarks/", benchmarks.explorer, name="benchmarks"),
    path("benchmarks/chart.<str:drawing>", benchmarks.chart, name="benchmarks-chart"),
    path("benchmarks/figures.<str:format>", benchmarks.figures, name="benchmarks-figures"),
    path("benchmarks/calibration/", analytics.calibration, name="calibration"),
    path("benchmarks/calibration/chart.<str:drawing>", analytics.calibration_chart, name="calibration-chart"),
    path("benchmarks/calibration/figures.<str:format>", analytics.calibration_figures, name="calibration-figures"),
    *chain.from_iterable(
        (
            path(f"benchmarks/{page}/", analytics.ranking, {"page": page}, name=page),
            path(f"benchmarks/{page}/chart.<str:drawing>", analytics.ranking_chart, {"page": page}, f"{page}-chart"),
            path(
                f"benchmarks/{page}/figures.<str:format>", analytics.ranking_figures, {"page": page}, f"{page}-figures"
            ),
        )
        for page in analytics.RANKINGS
    ),
    path("submissions/", submissions.listing, name="submissions"),
    path("submissions/quality/", quality.own, name="quality"),
    path("submissions/<uuid:pk>/", submissions.detail, name="submission"),
    path("submissions/<uuid:pk>/receipt/", submissions.receipt, name="submission-receipt"),
    path("submissions/<uuid:pk>/approve/", submissions.approve, name="submission-approve"),
    path("submissions/<uuid:pk>/proof/", submissions.proof, name="submission-proof"),
    path("submissions/<uuid:pk>/send-back/", submissions.send_back, name="submission-send-back"),
    path("submissions/<uuid:pk>/withdraw/", submissions.withdraw, name="submission-withdraw"),
    path("queries/", queries.listing, name="queries"),
    path("queries/<uuid:query_id>/", queries.detail, name="query"),
    path("queries/<uuid:query_id>/close/", queries.close, name="query-close"),
    path("releases/", releases.listing, name="releases"),
    path("releases/<slug:release_id>/", releases.detail, name="release"),
    path("releases/<slug:release_id>/figures.<str:format>", releases.figures, name="release-figures"),
    path("releases/<slug:release_id>/approve/", releases.approve, name="release-approve"),
    path("releases/<slug:release_id>/publish/", releases.publish, name="release-publish"),
    path("releases/<slug:release_id>/schedule/", releases.schedule, name="release-schedule"),
    path("releases/<slug:release_id>/call-off/", releases.call_off, name="release-call-off"),
    path("releases/<slug:release_id>/note/", releases.note, name="release-note"),
    path("releases/<slug:release_id>/comment/", releases.comment, name="release-comment"),
    path("releases/<slug:release_id>/withhold/", releases.withhold, name="release-withhold"),
    path("releases/<slug:release_id>/cells/", releases.cells, name="release-cells"),
    path("releases/<slug:release_id>/refuse/", releases.refuse, name="release-refuse"),
    path("releases/<slug:release_id>/withdraw/", releases.withdraw, name="release-withdraw"),
    path("calendar/", calendar.month, name="calendar"),
    path("calendar/link/", calendar.renew, name="calendar-renew"),
    path("calendar/link/stop/", calendar.revoke, name="calendar-revoke"),
    path("calendar/<str:token>.ics", calendar.feed, name="calendar-feed"),
    path("rounds/", rounds.listing, name="rounds"),
    path("rounds/plan/", rounds.plan, name="round-plan"),
    path("rounds/<slug:public_id>/", rounds.detail, name="round"),
    path("rounds/<slug:public_id>/standings.csv", rounds.standings_file, name="round-standings"),
    path("rounds/<slug:public_id>/remind/", reminders.remind, name="round-remind"),
    path("rounds/<slug:public_id>/reminder-rule/", reminders.change_rule, name="reminder-rule"),
    path("rounds/<slug:public_id>/send/", submissions.send, name="submission-send"),
    path("rounds/<slug:public_id>/seal/", sealing.page, name="round-seal"),
    path("rounds/<slug:public_id>/template.xlsx", sealing.template, name="round-template"),
    path("rounds/<slug:public_id>/keys/", round_keys.keys, name="round-keys"),
    path("rounds/<slug:public_id>/keys/ask/", round_keys.ask, name="round-keys-ask"),
    path("rounds/<slug:public_id>/keys/confirm/", round_keys.confirm, name="round-keys-confirm"),
    path("rounds/<slug:public_id>/keys/call-off/", round_keys.call_off, name="round-keys-call-off"),
    path("rounds/<slug:public_id>/no-data/", no_data.declare, name="no-data"),
    path("rounds/<slug:public_id>/no-data/approve/", no_data.act, {"verb": "approve"}, name="no-data-approve"),
    path("rounds/<slug:public_id>/no-data/send-back/", no_data.act, {"verb": "send-back"}, name="no-data-send-back"),
    path("rounds/<slug:public_id>/no-data/withdraw/", no_data.act, {"verb": "withdraw"}, name="no-data-withdraw"),
    path("rounds/<slug:public_id>/findings/", queries.findings, name="round-findings"),
    path("rounds/<slug:public_id>/dates/", deadlines.dates, name="round-dates"),
    path("rounds/<slug:public_id>/extensions/", deadlines.extensions, name="round-extensions"),
    path(
        "rounds/<slug:public_id>/extensions/<int:extension_id>/end/",
        deadlines.end_extension,
        name="round-extension-end",
    ),
    path("rounds/<slug:public_id>/open/", rounds.move, {"verb": "open"}, name="round-open"),
    path("rounds/<slug:public_id>/close/", rounds.move, {"verb": "close"}, name="round-close"),
    path("rounds/<slug:public_id>/reopen/", rounds.move, {"verb": "reopen"}, name="round-reopen"),
    path("rounds/<slug:public_id>/compute/", rounds.move, {"verb": "compute"}, name="round-compute"),
]
