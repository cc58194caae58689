"""Every address of the API (contracts, section 4)."""

from __future__ import annotations

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from consortium.api import no_such_address
from sharing.api import (
    alerts,
    collections,
    description,
    institutions,
    log,
    no_data,
    peer_groups,
    queries,
    reference,
    release_files,
    releases,
    rounds,
    signing_keys,
    statement_keys,
    submissions,
    webhooks,
)

app_name = "api"


class Anything(StringConverter):
    """Whatever is left of an address; `path` stops at a line's end, which an address may hold as %0A."""

    regex = "(?s:.+)"


register_converter(Anything, "anything")

urlpatterns = [
    path("openapi.json", description.Description.as_view(), name="openapi"),
    path("docs/", reference.reference, name="reference"),
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
    path("rounds/<slug:public_id>/no-data", no_data.OwnNoData.as_view(), name="no-data"),
    path("submissions", submissions.Submissions.as_view(), name="submissions"),
    path("submissions/<uuid:pk>", submissions.OneSubmission.as_view(), name="submission"),
    path("submissions/<uuid:pk>/findings", submissions.Findings.as_view(), name="findings"),
    path("submissions/<uuid:pk>/receipt", submissions.Receipt.as_view(), name="receipt"),
    path("submissions/<uuid:pk>/proof", log.SubmissionProof.as_view(), name="submission-proof"),
    path("submissions/<uuid:pk>/approve", submissions.Approve.as_view(), name="approve"),
    path("submissions/<uuid:pk>/send-back", submissions.SendBack.as_view(), name="send-back"),
    path("submissions/<uuid:pk>/queries", queries.Queries.as_view(), name="queries"),
    path("submissions/<uuid:pk>/queries/<uuid:query_id>/answers", queries.Answers.as_view(), name="query-answers"),
    path("submissions/<uuid:pk>/withdraw", submissions.Withdraw.as_view(), name="withdraw"),
    path("releases", releases.Releases.as_view(), name="releases"),
    path("releases/<slug:release_id>", releases.OneRelease.as_view(), name="release"),
    path("releases/<slug:release_id>/cells", releases.Cells.as_view(), name="cells"),
    path("releases/<slug:release_id>/files", release_files.Files.as_view(), name="release-files"),
    path("releases/<slug:release_id>/files/<str:name>", release_files.OneFile.as_view(), name="release-file"),
    path("releases/<slug:release_id>/audit", releases.Audit.as_view(), name="audit"),
    path("releases/<slug:release_id>/statement", releases.OwnStatement.as_view(), name="statement"),
    path("releases/<slug:release_id>/proof", log.ReleaseProof.as_view(), name="release-proof"),
    path("alerts", alerts.Alerts.as_view(), name="alerts"),
    path("alerts/own", alerts.OwnAlerts.as_view(), name="own-alerts"),
    path("alerts/own/actions", alerts.OwnAlertActions.as_view(), name="own-alert-actions"),
    path("alerts/<uuid:alert_id>", alerts.OneAlert.as_view(), name="alert"),
    path("alerts/<uuid:alert_id>/acknowledge", alerts.Acknowledge.as_view(), name="alert-acknowledge"),
    path("alerts/<uuid:alert_id>/follow-up", alerts.FollowUp.as_view(), name="alert-follow-up"),
    path("alerts/<uuid:alert_id>/close", alerts.Close.as_view(), name="alert-close"),
    path("log/head", log.Head.as_view(), name="log-head"),
    path("log/consistency", log.Consistency.as_view(), name="log-consistency"),
    path("log/entries", log.Entries.as_view(), name="log-entries"),
    path("peer-groups", peer_groups.PeerGroups.as_view(), name="peer-groups"),
    path("peer-groups/<slug:code>", peer_groups.OnePeerGroup.as_view(), name="peer-group"),
    path("institutions/me", institutions.MyInstitution.as_view(), name="institution"),
    path("institutions/me/keys", signing_keys.MyKeys.as_view(), name="keys"),
    path("institutions/me/keys/<str:kid>", signing_keys.MyKey.as_view(), name="key"),
    path("institutions/me/statement-key", statement_keys.MyStatementKey.as_view(), name="statement-key"),
    path("webhooks", webhooks.Webhooks.as_view(), name="webhooks"),
    path("webhooks/<uuid:webhook_id>", webhooks.OneWebhook.as_view(), name="webhook"),
    path("webhooks/<uuid:webhook_id>/secret", webhooks.WebhookSecret.as_view(), name="webhook-secret"),
    path("webhooks/<uuid:webhook_id>/test", webhooks.WebhookTest.as_view(), name="webhook-test"),
    path("webhooks/<uuid:webhook_id>/deliveries", webhooks.Deliveries.as_view(), name="webhook-deliveries"),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/redeliver",
        webhooks.Redeliver.as_view(),
        name="webhook-redeliver",
    ),
    path("<anything:rest>", no_such_address),
]
