"""What templates need to show things; nothing here decides."""

from __future__ import annotations

from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from consortium.web import assets, formats
from consortium.web.badges import badge_of

register = template.Library()

register.filter("percent", formats.percent)
register.filter("points", formats.points)


@register.filter
def period(text: str) -> str:
    return formats.period(text)


@register.filter
def figure(value: float | str | None, kind: str) -> str:
    # A template gives "" for an attribute of None.
    return formats.figure(None if isinstance(value, str) else value, kind)


@register.filter
def difference(value: float | str | None, kind: str) -> str:
    return formats.difference(None if isinstance(value, str) else value, kind)


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """A drawing from the sprite; decoration unless it is given a label."""
    address = f"{static('web/img/icons.svg')}#{name}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"></use></svg>', label, address)
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"></use></svg>', address)


@register.simple_tag
def vega_script() -> str:
    return reverse("vega", args=[assets.vega_version()])


@register.simple_tag
def state_badge(thing: Any, field: str = "state") -> SafeString:
    """The state of a thing as a word, a drawing and a colour."""
    return badge(str(getattr(thing, field)), str(getattr(thing, f"get_{field}_display")()))


@register.simple_tag
def badge(state: str, text: str) -> SafeString:
    tone, drawing = badge_of(state)
    return format_html('<span class="badge badge--{}">{}{}</span>', tone, icon(drawing), text)


@register.simple_block_tag
def data_table(
    content: str, *, label: str = "", labelled_by: str = "", cards: bool = True, also: str = ""
) -> SafeString:
    """The frame of a table: named, in reach of the keyboard where it scrolls; on a phone a card for each row.

    `label` names it, or `labelled_by` is the id of what does; `also` are further classes.
    """
    name = format_html('aria-labelledby="{}"', labelled_by) if labelled_by else format_html('aria-label="{}"', label)
    kinds = " ".join(filter(None, ("table", "table--cards" if cards else "", also)))
    frame = '<div class="table-wrap" tabindex="0" role="region" {}><table class="{}">{}</table></div>'
    return format_html(frame, name, kinds, content)


@register.inclusion_tag("web/_action.html", takes_context=True)
def action(
    context: template.Context, offer: Any, *, tone: str = "", drawing: str = "", confirm: str = ""
) -> dict[str, Any]:
    """A button that posts; when a rule refuses, the button is disabled and its sentence stands below it."""
    return {
        "offer": offer,
        "tone": tone,
        "drawing": drawing,
        "confirm": confirm,
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("web/_withheld.html")
def withheld() -> dict[str, Any]:
    """The one mark for every figure that is not shown, whatever the reason."""
    return {}
