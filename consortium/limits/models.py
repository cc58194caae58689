"""Tables that a crash of the database may empty: they are not logged, so that counting costs no write to disk."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Window(models.Model):
    """How much of an allowance somebody has used since its window began."""

    key = models.CharField(primary_key=True, max_length=120)  # client:12, person:7, address:203.0.113.7
    began = models.DateTimeField(db_default=Now())
    used = models.IntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["began"], name="limits_windows_by_age")]

    def __str__(self) -> str:
        return self.key


class CacheEntry(models.Model):
    """The table of Django's database cache, declared so that it is made and emptied as every other table."""

    cache_key = models.CharField(primary_key=True, max_length=255)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "limits_cache"

    def __str__(self) -> str:
        return self.cache_key
