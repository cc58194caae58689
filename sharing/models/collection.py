"""What is asked, of whom, how often."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.contrib.postgres.aggregates import ArrayAgg
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property
from django.utils.translation import get_language, gettext_lazy as _

from anonymize.template import Template, parse
from consortium.institutions.models import Institution
from consortium.people.roles import Actor, Permission, may


def usual_reminder_days() -> list[int]:
    return [-7, -1, 1, 5]


class CollectionQuerySet(models.QuerySet["Collection"]):
    def visible_to(self, actor: Actor) -> Self:
        """Staff who may see releases or progress see all; a member sees those it contributes to."""
        if not actor.is_entitled:
            return self.none()
        if actor.institution_id is not None:
            return self.filter(contributors=actor.institution_id)
        if may(actor, Permission.RELEASE_VIEW) or may(actor, Permission.ROUND_PROGRESS_VIEW):
            return self
        return self.none()


class Collection(models.Model):
    """One version of a template, in force for the rounds that were opened under it."""

    code = models.SlugField(_("code"), max_length=40)
    version = models.CharField(_("version"), max_length=20)
    document = models.JSONField(_("template"))
    contributors = models.ManyToManyField(Institution, related_name="collections", verbose_name=_("contributors"))
    peer_groups: models.ManyToManyField[PeerGroup, models.Model] = models.ManyToManyField(
        "PeerGroup", related_name="collections", verbose_name=_("peer groups")
    )
    size_limit = models.PositiveIntegerField(_("largest package, in bytes"), default=64 * 1024 * 1024)
    # After this the keys of a round are destroyed, and with them every package that was sealed to them.
    retention_months = models.PositiveSmallIntegerField(_("months until a round's keys are destroyed"), default=36)
    # When whoever has not answered is reminded: days after the due date, before it where negative.
    reminder_days: models.Field[Any, Any] = ArrayField(
        models.SmallIntegerField(), default=usual_reminder_days, verbose_name=_("days of reminders")
    )
    escalation_days = models.PositiveSmallIntegerField(
        _("days after the due date from which approvers and administrators are reminded too"), default=5
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CollectionQuerySet.as_manager()

    class Meta:
        verbose_name = _("collection")
        verbose_name_plural = _("collections")
        ordering = ("code", "-created_at")
        constraints = [models.UniqueConstraint(fields=["code", "version"], name="one_row_per_collection_version")]

    def __str__(self) -> str:
        return in_language(self.document["name"])

    @cached_property
    def template(self) -> Template:
        return parse(self.document)


class PeerGroupQuerySet(models.QuerySet["PeerGroup"]):
    def in_force(self, at: datetime) -> Self:
        """The association's own, and custom ones that were defined and not yet retired at that time."""
        defined = Q(defined_at=None) | Q(defined_at__lte=at)
        return self.filter(defined, Q(retired_at=None) | Q(retired_at__gt=at))

    def custom(self) -> Self:
        return self.exclude(owner=None)

    def visible_to(self, actor: Actor) -> Self:
        """The groups of the collections that the actor sees, each with the `collection_codes` of these."""
        seen = self.filter(collections__in=Collection.objects.visible_to(actor))
        return seen.annotate(
            collection_codes=ArrayAgg("collections__code", distinct=True, order_by="collections__code", default=[])
        )


class PeerGroup(models.Model):
    """A named set of institutions to compare with, given by attributes: `{"size_band": ["small"]}`.

    The groups of one `family` share no institution, and together hold all of them. A *custom* group was defined by a member,
    its `owner`, as a list of institutions' codes, and is a family of its own; it is retired, never changed.
    """

    code = models.SlugField(_("code"), max_length=40, unique=True)
    family = models.SlugField(_("family"), max_length=40)
    names = models.JSONField(_("name"))
    criteria = models.JSONField(_("criteria"), default=dict)
    position = models.PositiveSmallIntegerField(default=0)
    owner = models.ForeignKey(Institution, models.PROTECT, null=True, blank=True, related_name="+")
    institutions = models.JSONField(_("institutions"), default=list, blank=True)  # codes; of a custom group alone
    defined_at = models.DateTimeField(_("defined"), null=True, blank=True)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True)

    objects = PeerGroupQuerySet.as_manager()

    class Meta:
        verbose_name = _("peer group")
        verbose_name_plural = _("peer groups")
        ordering = ("family", "position", "code")
        constraints = [
            models.CheckConstraint(
                condition=Q(owner__isnull=True, defined_at__isnull=True, retired_at__isnull=True)
                | Q(owner__isnull=False, defined_at__isnull=False),
                name="custom_groups_have_an_owner_and_a_day",
            )
        ]

    def __str__(self) -> str:
        return in_language(self.names)

    def includes(self, institution: Institution) -> bool:
        """Whether it is named, or has for every attribute in the criteria one of the values given for it."""
        if self.owner_id is not None:
            return institution.code in self.institutions
        return all(getattr(institution, attribute) in values for attribute, values in self.criteria.items())


def in_language(names: dict[str, Any]) -> str:
    """A template's text in the language of the page, else in English."""
    language = get_language() or "en"
    if language.lower().startswith("zh"):
        return str(names.get("zh-Hans") or names["en"])
    return str(names["en"])
