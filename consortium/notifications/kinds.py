"""What people are told of, one line a kind. A kind's text names things; it never holds a figure."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Kind(TextChoices):
    """The value is what is stored; the label is the notice's sentence, with the facts of `notify` in it."""

    ROUND_OPENED = "round.opened", _("%(collection)s %(period)s is open; it is due on %(due)s.")
    ROUND_REOPENED = "round.reopened", _("%(collection)s %(period)s is open again; it is due on %(due)s.")
    ROUND_DUE_SOON = "round.due_soon", _("%(collection)s %(period)s is due on %(due)s; nothing is accepted yet.")
    ROUND_OVERDUE = "round.overdue", _("%(collection)s %(period)s was due on %(due)s; nothing is accepted yet.")
    ROUND_REMINDER = "round.reminder", _("The association reminds you: %(collection)s %(period)s, due on %(due)s.")
    SUBMISSION_RECEIVED = "submission.received", _("%(collection)s %(period)s: a package was received.")
    SUBMISSION_AWAITING_APPROVAL = (
        "submission.awaiting_approval",
        _("%(collection)s %(period)s: a submission waits for your approval."),
    )
    SUBMISSION_ACCEPTED = "submission.accepted", _("%(collection)s %(period)s: the submission is accepted.")
    SUBMISSION_FINDINGS = (
        "submission.findings",
        _("%(collection)s %(period)s: the submission is accepted, and something was found in it."),
    )
    SUBMISSION_REJECTED = "submission.rejected", _("%(collection)s %(period)s: the submission is rejected.")
    SUBMISSION_SENT_BACK = "submission.sent_back", _("%(collection)s %(period)s: the submission was sent back.")
    SUBMISSION_WITHDRAWN = "submission.withdrawn", _("%(collection)s %(period)s: the submission was withdrawn.")
    SUBMISSION_CHECKED = "submission.checked", _("%(collection)s %(period)s: nothing was found in the trial.")
    SUBMISSION_TRIAL_FINDINGS = "submission.trial_findings", _("%(collection)s %(period)s: see what the trial found.")
    NO_DATA_AWAITING_APPROVAL = (
        "submission.no_data_awaiting_approval",
        _("%(collection)s %(period)s: the declaration that there is no data waits for your approval."),
    )
    NO_DATA_DECIDED = (
        "submission.no_data_decided",
        _("%(collection)s %(period)s: see what became of the declaration that there is no data."),
    )
    EXTENSION_GRANTED = "submission.extension", _("%(collection)s %(period)s: you may send until %(due)s.")
    QUERY_ASKED = "submission.query_asked", _("%(collection)s %(period)s: the association asks about a finding.")
    QUERY_CLOSED = "submission.query_closed", _("%(collection)s %(period)s: the association closed its question.")
    QUERY_ANSWERED = "query.answered", _("%(collection)s %(period)s: contributor %(handle)s has answered.")
    RELEASE_IN_REVIEW = "release.in_review", _("%(collection)s %(period)s is computed and waits for review.")
    RELEASE_PUBLISHED = "release.published", _("%(collection)s %(period)s is published.")
    RELEASE_CORRECTED = "release.corrected", _("%(collection)s %(period)s is published again, corrected.")
    RELEASE_WITHDRAWN = "release.withdrawn", _("%(collection)s %(period)s was withdrawn; its page says why.")
    STATEMENT_READY = "statement.ready", _("%(collection)s %(period)s is published, and your statement is ready.")
    ALERT_RAISED = "alert.raised", _("%(collection)s %(period)s: published figures gave a warning.")
    WEBHOOK_DISABLED = "webhook.disabled", _("Nothing is sent to the webhook at %(host)s any more: it kept failing.")
    APPLICATION_RECEIVED = "application.received", _("%(name)s applies for membership.")
    APPLICATION_ANSWERED = "application.answered", _("%(name)s has answered your question.")
    APPLICATION_WITHDRAWN = "application.withdrawn", _("%(name)s has withdrawn its application.")
    AGREEMENT_DUE = "agreement.due", _("Version %(version)s of the membership agreement is to be accepted by %(day)s.")
    PERSON_JOINED = "person.joined", _("%(name)s has accepted your invitation.")
    PERSON_ROLES_CHANGED = "person.roles_changed", _("%(name)s has changed your roles.")
    WAIVER_ASKED = (
        "waiver.asked",
        _("%(name)s asks that submissions leave without a second person's approval. Confirm or refuse it."),
    )
    WAIVER_CONFIRMED = "waiver.confirmed", _("Submissions leave without a second person's approval from now on.")
    WAIVER_REFUSED = "waiver.refused", _("Submissions still need a second person's approval: the request was ended.")
    AFFILIATION_CHANGED = "affiliation.changed", _("The association changed the group that your institution counts in.")
    INSTITUTION_SUSPENDED = "institution.suspended", _("Your institution is suspended. The first page says why.")
    INSTITUTION_REINSTATED = "institution.reinstated", _("Your institution is an active member again.")
    DEPARTURE_DECLARED = "departure.declared", _("%(name)s declares that it leaves on %(day)s.")
    DEPARTURE_CONFIRMED = "departure.confirmed", _("The association has confirmed that you leave on %(day)s.")
    DEPARTURE_CALLED_OFF = "departure.called_off", _("%(name)s stays: its departure is called off.")
    INSTITUTION_LEFT = "institution.left", _("Your institution has left. Its records can be read until %(day)s.")
    SECOND_FACTOR_ADDED = "person.second_factor_added", _("A second factor was added to your account.")
    SECOND_FACTOR_REMOVED = "person.second_factor_removed", _("A second factor of your account was removed.")
    SECOND_FACTOR_RESET = "person.second_factor_reset", _("%(who)s reset your second factor. Set up a new one.")
    RECOVERY_CODES_MADE = "person.recovery_codes_made", _("New recovery codes were made for your account.")
    PASSWORD_CHANGED = "person.password_changed", _("The password of your account was changed.")
    SIGN_ON_CHANGED = "sign_on.changed", _("%(who)s changed how your institution signs in.")
    NEW_DEVICE = "person.new_device", _("Somebody signed in to your account from a new device: %(device)s.")
    KEY_REGISTERED = "key.registered", _("A signing key of your institution was registered: %(kid)s.")
    KEY_REVOKED = "key.revoked", _("A signing key of your institution was revoked: %(kid)s.")
    KEY_COMPROMISED = (
        "key.compromised",
        _("Somebody else may have had the signing key %(kid)s. Its page lists what to send again."),
    )
    API_CLIENT_ISSUED = "api_client.issued", _("%(name)s issued the API client “%(client)s”.")
    API_CLIENT_CHANGED = "api_client.changed", _("%(name)s changed the API client “%(client)s”.")
    API_CLIENT_REVOKED = "api_client.revoked", _("%(name)s revoked the API client “%(client)s”.")
    ROUND_KEYS_DESTROYED = "round.keys_destroyed", _("The keys of %(collection)s %(period)s were destroyed.")


class Topic(TextChoices):
    """What a person chooses the mail of; every kind belongs to one, by the word before its dot."""

    ROUNDS = "rounds", _("Rounds: opened, due, overdue")
    SUBMISSIONS = "submissions", _("Submissions: received, findings, approval, accepted or rejected")
    RELEASES = "releases", _("Releases and statements")
    SECURITY = "security", _("Keys, webhooks, sign-on and people")


_TOPICS = {
    "round": Topic.ROUNDS,
    "submission": Topic.SUBMISSIONS,
    "query": Topic.SUBMISSIONS,
    "release": Topic.RELEASES,
    "statement": Topic.RELEASES,
    "alert": Topic.RELEASES,
}
# What somebody asked for by name, or must know of at once, is mailed whatever the person chose.
_ALWAYS_MAILED = frozenset({Kind.ROUND_REMINDER})
ALWAYS_MAILED_TOPICS = frozenset({Topic.SECURITY})


def topic_of(kind: str) -> Topic:
    return _TOPICS.get(kind.partition(".")[0], Topic.SECURITY)


def is_always_mailed(kind: str) -> bool:
    return kind in _ALWAYS_MAILED or topic_of(kind) in ALWAYS_MAILED_TOPICS
