"""Charts drawn on the server, from the specification that the browser draws."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from django.http import Http404

from sharing import charts

MEDIA_TYPES: Mapping[str, str] = {"svg": "image/svg+xml", "png": "image/png"}
VEGA_LITE = "6.4"


def draw(spec: charts.Spec, format: str, theme: str) -> tuple[bytes, str]:
    """The drawing and its media type; 404 for a format there is none of."""
    if format not in MEDIA_TYPES:
        raise Http404
    drawing = _converter()
    options: dict[str, Any] = {"vl_version": VEGA_LITE, "config": charts.theme("dark" if theme == "dark" else "light")}
    if format == "svg":
        return drawing.vegalite_to_svg(spec, **options).encode(), MEDIA_TYPES[format]
    return drawing.vegalite_to_png(spec, scale=2, **options), MEDIA_TYPES[format]


@cache
def _converter() -> Any:
    """The library that draws, which knows a font with Chinese whatever the machine has.

    Imported late: drawing in a process that forks afterwards would hang its children.
    """
    import vl_convert

    fonts = resources.files("justmytype_intl_cjk") / "fonts" / "ofl" / "notosanssc"
    with resources.as_file(fonts) as folder:
        vl_convert.register_font_directory(str(folder))
    return vl_convert
