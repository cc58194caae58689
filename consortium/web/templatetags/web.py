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
