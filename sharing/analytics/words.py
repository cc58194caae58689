"""The analyses in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext as _, gettext_lazy, ngettext

from consortium.web import formats
from sharing.analytics.calibration import Finding, Judged
from sharing.analytics.options import Option, leaders
from sharing.analytics.stability import Shift

FINDINGS: Mapping[Finding, str | Promise] = {
    Finding.UNDERSTATED: gettext_lazy("understated"),
    Finding.OVERSTATED: gettext_lazy("overstated"),
    Finding.IN_LINE: gettext_lazy("in line"),
    Finding.MIXED: gettext_lazy("members differ"),
    Finding.OPEN: gettext_lazy("cannot be judged"),
}

SHIFTS: Mapping[Shift, str | Promise] = {
    Shift.STABLE: gettext_lazy("stable"),
    Shift.SLIGHT: gettext_lazy("slight shift"),
    Shift.CONSIDERABLE: gettext_lazy("considerable shift"),
}


def verdict(bands: Sequence[Judged], names: Mapping[str, str]) -> list[str]:
    """What the back-test comes to, the gravest first; one sentence a kind of finding."""
    sentences = []
    for finding, words in (
        (Finding.UNDERSTATED, _("The models understate risk in %(bands)s: more default than they expect.")),
        (Finding.OVERSTATED, _("The models overstate risk in %(bands)s: fewer default than they expect.")),
        (Finding.MIXED, _("Pool and members say different things of %(bands)s, so nothing is said of all models.")),
        (Finding.IN_LINE, _("As many default as expected in %(bands)s.")),
        (Finding.OPEN, _("Nothing can be judged in %(bands)s.")),
    ):
        found = [names[each.band.code] for each in bands if each.finding == finding]
        if len(found) == len(bands) and finding == Finding.IN_LINE:
            return [_("The models' predictions hold in every band.")]
        if len(found) == len(bands) and finding == Finding.OPEN:
            return [_("The figures by predicted probability are withheld, so the models cannot be judged here.")]
        if found:
            sentences.append(words % {"bands": listed(found)})
    return sentences


def about_own(bands: Sequence[Judged], names: Mapping[str, str]) -> str:
    """Where our own model lies off, beside the members' pool: a comparison of rates, since a statement has no counts."""
    above = [
        names[each.band.code]
        for each in bands
        if each.band.own_observed is not None
        and each.band.own_expected
        and each.band.observed is not None
        and each.band.expected
        and each.band.own_observed / each.band.own_expected > each.band.observed / each.band.expected
    ]
    compared = sum(each.band.own_observed is not None and bool(each.band.own_expected) for each in bands)
    if not compared:
        return ""
    if not above:
        return _("In no band do our own defaults exceed what our model expected by more than the pool's.")
    return _("Our own defaults exceed what our model expected by more than the pool's in %(bands)s.") % {
        "bands": listed(above)
    }


def about_leaders(some: Sequence[Option], names: Mapping[str, str], kind: str) -> list[str]:
    """Who is first, and who cannot be told from it."""
    ranked = [each for each in some if each.ranked]
    if not ranked:
        return [_("Too few members stand behind these figures to rank them.")]
    if len(ranked) == 1:
        return [_("Only one of them has enough members behind it to be ranked.")]
    first, *others = leaders(list(some))
    if len(others) + 1 == len(ranked):
        return [_("None can be told from the first: members differ by more than their medians do.")]
    sentences = [
        _("First stands “%(name)s” with a median of %(value)s.")
        % {"name": names[first.code], "value": formats.figure(first.cell.median, kind)}
    ]
    if others:
        sentences.append(
            _("Not to be told from it: %(names)s.") % {"names": listed([names[each.code] for each in others])}
        )
    else:
        sentences.append(_("It is better than every other that can be ranked."))
    return sentences


def not_ranked(some: Sequence[Option]) -> str:
    """How many have no rank, and that this is no verdict on them."""
    count = sum(each.ranked is None for each in some)
    if not count:
        return ""
    return ngettext(
        "%(count)s is not ranked: too few members, or withheld.",
        "%(count)s are not ranked: too few members, or withheld.",
        count,
    ) % {"count": count}


def listed(names: Sequence[str]) -> str:
    """Names one after the other: “A”, “B” and “C”."""
    quoted = [_("“%s”") % name for name in names]
    if len(quoted) == 1:
        return quoted[0]
    return _("%(first)s and %(last)s") % {"first": _(", ").join(quoted[:-1]), "last": quoted[-1]}


def p_value(value: float | None) -> str:
    """To three digits; what is smaller is said to be."""
    if value is None:
        return formats.NOTHING
    return "< 0.001" if value < 0.001 else formats.figure(value, "number", 3)
