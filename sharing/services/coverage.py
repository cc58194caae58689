"""How much of the last period's volume those hold who are in a release; called by the vault."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import Final

import numpy as np

from anonymize.errors import KeyStoreError
from sharing.benchmarks.pool import gather, layout_of
from sharing.models import Release, Submission
from sharing.review.movements import previous
from sharing.services import inputs

STEPS: Final = 20  # of five points each: a finer share would tell the size of somebody who is missing


def share_of_volume(release: Release, submissions: Sequence[Submission]) -> float | None:
    """From 0 to 1, rounded down to five points; None where it would tell too much, or nothing is known.

    The volume is the denominator of the template's first indicator in total. With fewer missing contributors than the
    minimum, the share would tell how large they are. Every package of the period before is opened for it, so only where many are missing.
    """
    before = previous(release)
    if before is None:
        return None
    counted = Submission.objects.filter(pk__in=before.audit.get("inputs", ()))
    former = list(counted.select_related("round__collection", "institution").order_by("institution__code"))
    here = {each.institution_id for each in submissions}
    missing = {each.institution.contributor_id for each in former if each.institution_id not in here}
    if not missing:
        return 1.0 if former else None
    if len(missing) < release.round.collection.template.disclosure.min_contributors:
        return None
    try:
        volumes = _volumes(former)
    except KeyStoreError:
        return None  # the keys of the period before are destroyed
    stays = np.array([each.institution_id in here for each in former])
    total = float(volumes.sum())
    return floor(float(volumes[stays].sum()) / total * STEPS) / STEPS if total > 0 else None


def _volumes(submissions: list[Submission]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Each submission's denominator in total, 0 where it is withheld."""
    template = submissions[0].round.collection.template
    layout = layout_of(template)
    returns = gather(layout, [each.institution.code for each in submissions], inputs.cubes(submissions, template))
    part = layout.part(template.indicators[0].denominator)
    volumes = returns.values[:, part].reshape(len(submissions), -1)[:, 0]
    return np.nan_to_num(volumes)
