"""Who is in a release, by name; what they had sent before, never a figure of one of them."""

from __future__ import annotations

from dataclasses import dataclass

from sharing.models import NoData, Release, Submission


@dataclass(frozen=True)
class Coverage:
    """Contributors of the round's collection by what they did, and how the counted ones changed since the period before.

    `share_of_volume` is how much of the last period's volume those who are in held then, from 0 to 1 in steps of
    five points; None where fewer than the minimum of contributors are missing, because it would tell their size.
    """

    counted: int
    expected: int
    declared: list[str]
    missing: list[str]
    joined: list[str]
    left: list[str]
    share_of_volume: float | None

    @property
    def share(self) -> float:
        return self.counted / self.expected if self.expected else 0.0


def coverage(release: Release, previous: Release | None) -> Coverage:
    """The caller may see the round's progress. Names are those that the progress board shows as well."""
    counted = _institutions(release)
    before = _institutions(previous) if previous else counted
    expected = {each.pk: str(each) for each in release.round.collection.contributors.active()}
    declared = set(NoData.objects.declared().filter(round=release.round).values_list("institution", flat=True))
    silent = [name for key, name in expected.items() if key not in counted and key not in declared]
    return Coverage(
        counted=len(counted),
        expected=release.expected,
        declared=sorted(name for key, name in expected.items() if key in declared and key not in counted),
        missing=sorted(silent),
        joined=sorted(name for key, name in counted.items() if key not in before),
        left=sorted(name for key, name in before.items() if key not in counted),
        share_of_volume=release.audit.get("share_of_volume"),
    )


def _institutions(release: Release) -> dict[int, str]:
    """By primary key, the names of those whose submissions the release counts."""
    counted = Submission.objects.filter(pk__in=release.audit.get("inputs", ())).select_related("institution")
    return {each.institution_id: str(each.institution) for each in counted}
