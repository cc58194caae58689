"""The standing words of a board report, in the language that is active."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import get_language, gettext as _

from anonymize.template import Template


def language() -> dict[str, str]:
    """As the typesetter names it: hyphenation, punctuation and the document's language follow from it."""
    return (
        {"lang": "zh", "region": "CN"} if (get_language() or "en").startswith("zh") else {"lang": "en", "region": "GB"}
    )


def labels() -> dict[str, str]:
    return {
        "kind": _("Board report"),
        "summary": _("Summary"),
        "question": _("Is it us, or is it everybody?"),
        "key_figures": _("Key figures"),
        "charts": _("How it came about"),
        "charts_note": _(
            "The middle half of the members' rates, their median, the rate of all members pooled, and ours."
        ),
        "breakdowns": _("Breakdowns"),
        "breakdowns_note": _("Pooled rate of all members; below it, where there is one, our own."),
        "heat": _("Where it is high"),
        "heat_note": _("Pooled rate of all members; the darker, the higher."),
        "methods": _("Methods and protection"),
        "verify": _("How to verify this paper"),
        "verify_note": _(
            "The figures are those of the release named here. Its files, their signed manifest and this report can be downloaded "
            "again under its name; the report of the same release and language is the same to the last byte."
        ),
    }


def handling(us: str | None) -> str:
    if us is None:
        return _("For members of the consortium. Do not pass on outside the member institutions.")
    return _("Confidential: it holds figures of %(us)s. For its board and management alone.") % {"us": us}


def between(percentiles: tuple[int, int]) -> str:
    low, high = percentiles
    if low == 0:
        return _("Our rate is among the lowest %(high)s per cent of members.") % {"high": high}
    if high == 100:
        return _("Our rate is among the highest %(high)s per cent of members.") % {"high": 100 - low}
    return _("Our rate lies between the %(low)sth and the %(high)sth percentile of members.") % {
        "low": low,
        "high": high,
    }


def compared_with(period: str) -> str:
    return _("Compared with %(period)s.") % {"period": period}


def joined(parts: Iterable[str]) -> str:
    """Sentences one after another: Chinese puts nothing between them."""
    between_them = "" if language()["lang"] == "zh" else " "
    return between_them.join(part for part in parts if part)


def only_headlines() -> str:
    return _(
        "Your institution did not answer this round, so this report has its headlines alone. Whoever answers a round, with figures "
        "or by declaring that there are none, sees its breakdowns."
    )


def own_is_sealed() -> str:
    return _("Your own figures of this release were delivered to your own key, so this report cannot show them.")


def methods(template: Template, *, own: bool) -> list[str]:
    """What a reader must know to judge the figures; thresholds are those of the template."""
    rules = template.disclosure
    told = [
        _(
            "The pooled rate divides the sum of all members' numerators by the sum of their denominators, so a large member "
            "weighs more. Median and percentiles give every member the same weight; members of one group count once."
        ),
        _(
            "A cell is published when at least %(count)s members contribute to it, none of them dominates it, and nobody can "
            "derive a member's figure from it together with everything else that is published. Otherwise it is marked "
            "as withheld, whatever the reason. Withheld is not zero."
        )
        % {"count": rules.min_contributors},
        _("A median needs at least %(median)s members, the middle half at least %(quartiles)s.")
        % {"median": rules.median_minimum, "quartiles": rules.quartiles_minimum},
        _(
            "Before publication every release is audited by an independent program, which tries to recover withheld figures."
        ),
    ]
    if own:
        told.append(
            _(
                "Our own rates come from our statement, which is sealed for our institution; no other member and nobody at the "
                "association sees them. A place among the percentiles is given as finely as the release publishes them."
            )
        )
    return told
