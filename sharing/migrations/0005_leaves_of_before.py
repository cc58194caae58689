"""What was accepted before there was a log gets its leaves: what counts now, and what a release was computed from."""

import os

from django.db import migrations
from django.db.models import Q

from anonymize import merkle
from anonymize.log import leaf_data


def forward(apps, schema_editor):
    Submission, Leaf, Release = (apps.get_model("sharing", name) for name in ("Submission", "Leaf", "Release"))
    counted = {each for audit in Release.objects.values_list("audit", flat=True) for each in audit.get("inputs", ())}
    found = Submission.objects.filter(Q(state="accepted") | Q(pk__in=counted), leaf=None).order_by("decided_at", "pk")
    for submission in found.iterator(chunk_size=2000):
        _append(Leaf, submission)


def _append(Leaf, submission):
    last = Leaf.objects.order_by("-index").values_list("index", flat=True).first()
    index, salt = 0 if last is None else last + 1, os.urandom(32)
    rows = {(level + 1 << at) - 1: at for at, level in merkle.left_of(index)}
    halves = {rows[leaf.index]: leaf.subtrees for leaf in Leaf.objects.filter(pk__in=rows)}
    leaf = merkle.leaf_hash(leaf_data(str(submission.pk), submission.package_sha256, salt))
    subtrees = merkle.completed_by(index, leaf, lambda level, _: bytes(halves[level][32 * level : 32 * (level + 1)]))
    Leaf.objects.create(index=index, submission=submission, salt=salt, subtrees=b"".join(subtrees))


class Migration(migrations.Migration):
    dependencies = [("sharing", "0004_leaf")]

    # Backward, the leaves go with their table.
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
