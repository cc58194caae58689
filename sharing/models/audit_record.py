"""What is kept of a release's audit, apart from the release: it may be large, and only staff and auditors read it."""

from __future__ import annotations

import gzip
import json
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from sharing.models.release import Release


class AuditRecord(models.Model):
    """JSON, compressed; on no page, in no file and in no answer of the API. `manage.py audit_release` reads it."""

    release = models.OneToOneField(Release, models.CASCADE, related_name="audit_record")
    packed = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("audit record")

    def __str__(self) -> str:
        return str(self.release_id)

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(gzip.decompress(self.packed))
        return found

    @staticmethod
    def pack(document: dict[str, Any]) -> bytes:
        """The same document gives the same bytes."""
        return gzip.compress(json.dumps(document, sort_keys=True, separators=(",", ":")).encode(), mtime=0)
