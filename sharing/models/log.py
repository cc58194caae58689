"""The append-only log of accepted packages: a hash tree in which nobody is recognised who does not know the salt."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from anonymize.merkle import HASH_BYTES
from sharing.models.submission import Submission


class Leaf(models.Model):
    """One accepted submission. Triggers refuse UPDATE, DELETE, TRUNCATE, and an insert that is not at the end.

    `subtrees` holds the hashes of the complete subtrees that end here, one after another: the leaf's own first, then
    the ones that it completed. So a leaf is one row, and a proof reads a few dozen.
    """

    index = models.PositiveBigIntegerField(_("place in the log"), primary_key=True)
    submission = models.OneToOneField(Submission, models.PROTECT, related_name="leaf", verbose_name=_("submission"))
    salt = models.BinaryField()
    subtrees = models.BinaryField()

    class Meta:
        verbose_name = _("leaf of the log")
        verbose_name_plural = _("leaves of the log")
        ordering = ("index",)

    def __str__(self) -> str:
        return str(self.index)

    @property
    def hash(self) -> bytes:
        return self.subtree(0)

    def subtree(self, level: int) -> bytes:
        """The hash of the complete subtree of 2**level leaves that ends with this one."""
        return bytes(self.subtrees[HASH_BYTES * level : HASH_BYTES * (level + 1)])
