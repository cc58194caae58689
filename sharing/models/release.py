"""Protected pooled tables shown to contributors."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.people.roles import Actor, Permission, may
from consortium.states import HasState
from sharing.models.collection import Collection
from sharing.models.no_data import NoData
from sharing.models.round import Round
from sharing.models.submission import Submission
from sharing.states import RELEASE_MOVES, ReleaseState

DRAFT_STATES = (ReleaseState.COMPUTING, ReleaseState.IN_REVIEW, ReleaseState.SCHEDULED)
PUBLIC_STATES = (ReleaseState.PUBLISHED, ReleaseState.WITHDRAWN)
DECILES = ("p10", "p20", "p30", "p40", "p60", "p70", "p80", "p90")  # the fifth is the median
# What a published cell may show; each is null where it has conditions of its own that do not hold.
FIGURES = ("pooled", "mean", "trimmed_mean", "p25", "median", "p75", *DECILES, "weight", "error")


HEADLINE = Q(peer_group="ALL", key__regex=r"^_T(\._T)*$")


class ReleaseQuerySet(models.QuerySet["Release"]):
    def visible_to(self, actor: Actor) -> Self:
        """Published and withdrawn ones for those entitled to figures; drafts for reviewers."""
        releases = self.filter(round__collection__in=Collection.objects.visible_to(actor))
        if may(actor, Permission.RELEASE_REVIEW):
            return releases
        if may(actor, Permission.RELEASE_VIEW):
            return releases.filter(state__in=PUBLIC_STATES)
        return self.none()

    def published(self, as_of: datetime | None = None) -> Self:
        """What is in force: now, or at a moment of the past, whatever became of it since."""
        if as_of is None:
            return self.filter(state=ReleaseState.PUBLISHED)
        still = Q(withdrawn_at=None) | Q(withdrawn_at__gt=as_of)
        return self.filter(still, state__in=PUBLIC_STATES, published_at__lte=as_of)

    def answered_by(self, institution_id: int) -> Self:
        """Those of rounds that the institution answered: by an accepted submission or a declaration of no data."""
        accepted = Submission.objects.accepted().filter(institution=institution_id)
        declared = NoData.objects.declared().filter(institution=institution_id)
        return self.filter(Q(round__in=accepted.values("round")) | Q(round__in=declared.values("round")))

    def due(self) -> Self:
        """Approved ones whose embargo is over."""
        return self.filter(state=ReleaseState.SCHEDULED, publish_at__lte=timezone.now())


class EditKind(models.TextChoices):
    NOTE = "note", _("the note to readers")
    WITHHOLD = "withhold", _("cells withheld besides")


class Release(HasState):
    """One computed result of a round; a correction is a new revision."""

    MOVES: ClassVar = RELEASE_MOVES

    round = models.ForeignKey(Round, models.PROTECT, related_name="releases", verbose_name=_("round"))
    public_id = models.CharField(_("id"), max_length=70, unique=True)  # delinquency-2026-10-r1
    revision = models.PositiveIntegerField(_("revision"))
    state = models.CharField(_("state"), max_length=12, choices=ReleaseState.choices, default=ReleaseState.COMPUTING)
    prepared_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    computed_at = models.DateTimeField(_("computed"), null=True, blank=True)
    published_at = models.DateTimeField(_("published"), null=True, blank=True)
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    publish_at = models.DateTimeField(_("embargo until"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)
    note = models.TextField(_("note to readers"), blank=True)  # of a correction: what was wrong
    # [peer group, key] of cells that reviewers want withheld beyond what the rules demand; staff only
    also_withhold = models.JSONField(default=list, blank=True)
    reason = models.TextField(_("reason"), blank=True)  # why it failed, was refused or withdrawn
    contributors = models.PositiveIntegerField(_("contributors"), default=0)
    expected = models.PositiveIntegerField(_("expected contributors"), default=0)
    cells = models.PositiveIntegerField(_("cells"), default=0)
    withheld = models.PositiveIntegerField(_("withheld cells"), default=0)
    audit_passed = models.BooleanField(_("audit passed"), default=False)
    audit = models.JSONField(default=dict)  # rule set, code version, solver statuses, intervals; staff only
    inputs_digest = models.CharField(_("digest of the inputs"), max_length=64, blank=True)

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("release")
        verbose_name_plural = _("releases")
        ordering = ("-round__due_at", "round__collection__code", "-revision")
        constraints = [
            models.UniqueConstraint(fields=["round", "revision"], name="revisions_are_counted"),
            models.UniqueConstraint(
                fields=["round"],
                condition=Q(state__in=DRAFT_STATES),
                name="one_draft_per_round",
            ),
            models.UniqueConstraint(
                fields=["round"], condition=Q(state=ReleaseState.PUBLISHED), name="one_published_release_per_round"
            ),
            models.CheckConstraint(
                condition=~Q(state=ReleaseState.PUBLISHED) | Q(audit_passed=True),
                name="nothing_unaudited_is_published",
            ),
            models.CheckConstraint(
                condition=Q(state=ReleaseState.SCHEDULED, publish_at__isnull=False) | ~Q(state=ReleaseState.SCHEDULED),
                name="an_embargo_ends",
            ),
            models.CheckConstraint(
                condition=Q(state=ReleaseState.WITHDRAWN, withdrawn_at__isnull=False)
                | (~Q(state=ReleaseState.WITHDRAWN) & Q(withdrawn_at__isnull=True)),
                name="withdrawn_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.round} r{self.revision}"

    @property
    def corrects(self) -> Release | None:
        """The last release of the round that was published before this one, whatever became of it."""
        earlier = self.round.releases.filter(revision__lt=self.revision).exclude(published_at=None)
        return earlier.order_by("-revision").first()


class ReleaseApproval(models.Model):
    """One person's yes to a draft; publication needs two, neither of them its preparer."""

    release = models.ForeignKey(Release, models.CASCADE, related_name="approvals")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta:
        verbose_name = _("approval")
        ordering = ("at",)
        constraints = [models.UniqueConstraint(fields=["release", "person"], name="one_approval_per_person")]

    def __str__(self) -> str:
        return f"{self.release_id} {self.person_id}"


class ReleaseEdit(models.Model):
    """Somebody changed a draft: whoever did approves it no more, and earlier approvals are over."""

    release = models.ForeignKey(Release, models.CASCADE, related_name="edits")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(_("when"), auto_now_add=True)
    what = models.CharField(_("what was changed"), max_length=20, choices=EditKind.choices)

    class Meta:
        verbose_name = _("change of a draft")
        ordering = ("at",)

    def __str__(self) -> str:
        return f"{self.release_id} {self.what}"


class ReleaseComment(models.Model):
    """What reviewers say to each other about a release; staff only."""

    release = models.ForeignKey(Release, models.CASCADE, related_name="comments")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(_("when"), auto_now_add=True)
    text = models.CharField(_("comment"), max_length=2000)

    class Meta:
        verbose_name = _("comment")
        ordering = ("at",)

    def __str__(self) -> str:
        return f"{self.release_id} {self.person_id}"


class ReleaseCellQuerySet(models.QuerySet["ReleaseCell"]):
    def headlines(self) -> Self:
        """Indicators of all members in total."""
        return self.filter(HEADLINE)

    def visible_to(self, actor: Actor) -> Self:
        """Of the releases that the actor sees: staff all cells; a member those of rounds that it answered (give-to-get).

        Of other rounds a member sees the headlines. An answer is an accepted submission or a declaration of no data.
        """
        cells = self.filter(release__in=Release.objects.visible_to(actor))
        if actor.institution_id is None:
            return cells
        answered = Release.objects.answered_by(actor.institution_id)
        return cells.filter(HEADLINE | Q(release__in=answered))


class ReleaseCell(models.Model):
    """One indicator at one cell and peer group, written by COPY. Withheld: every figure is null, for every reason.

    `key` is the SDMX series key over the indicator's cut ("SME.CN-ZJ._T"); rates are fractions, not percent. `weight` is
    the cell's share of the denominator of all members; `error` the standard error that protection at the members adds to
    the pooled rate.
    """

    release = models.ForeignKey(Release, models.CASCADE, related_name="cells_of_release")
    indicator = models.CharField(max_length=40)
    peer_group = models.CharField(max_length=40)  # "ALL" or a PeerGroup's code
    key = models.CharField(max_length=160)
    pooled = models.FloatField(null=True)
    mean = models.FloatField(null=True)
    trimmed_mean = models.FloatField(null=True)
    p10 = models.FloatField(null=True)
    p20 = models.FloatField(null=True)
    p25 = models.FloatField(null=True)
    p30 = models.FloatField(null=True)
    p40 = models.FloatField(null=True)
    median = models.FloatField(null=True)
    p60 = models.FloatField(null=True)
    p70 = models.FloatField(null=True)
    p75 = models.FloatField(null=True)
    p80 = models.FloatField(null=True)
    p90 = models.FloatField(null=True)
    weight = models.FloatField(null=True)
    error = models.FloatField(null=True)
    contributors = models.PositiveIntegerField(null=True)
    withheld = models.BooleanField()
    reason = models.CharField(max_length=1, blank=True)  # A, G or D: staff only, never on any page or file

    objects = ReleaseCellQuerySet.as_manager()

    class Meta:
        verbose_name = _("release cell")
        constraints = [
            models.UniqueConstraint(fields=["release", "indicator", "peer_group", "key"], name="one_row_per_cell"),
            models.CheckConstraint(
                name="withheld_means_no_figure",
                condition=Q(withheld=False, pooled__isnull=False, contributors__isnull=False)
                | Q(withheld=True, contributors__isnull=True, **{f"{figure}__isnull": True for figure in FIGURES}),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.indicator} {self.peer_group} {self.key}"
