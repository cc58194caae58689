"""How many accounts stand behind an indicator, to two significant digits: what intervals are reckoned from."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from consortium.people.roles import Actor
from sharing.models.release import Release


class ReleaseTotalQuerySet(models.QuerySet["ReleaseTotal"]):
    def visible_to(self, actor: Actor) -> Self:
        """Of the releases that the actor sees: it is a figure of the headline, which all who see a release see."""
        return self.filter(release__in=Release.objects.visible_to(actor))


class ReleaseTotal(models.Model):
    """The denominator of an indicator's headline, all members together, where it counts something (never an amount).

    There is a row only where the headline is published. A cell's own number is this one times the cell's `weight`.
    """

    release = models.ForeignKey(Release, models.CASCADE, related_name="totals")
    indicator = models.CharField(max_length=40)
    count = models.FloatField()

    objects = ReleaseTotalQuerySet.as_manager()

    class Meta:
        verbose_name = _("total of a release")
        constraints = [models.UniqueConstraint(fields=["release", "indicator"], name="one_total_per_indicator")]

    def __str__(self) -> str:
        return f"{self.release_id} {self.indicator}"
