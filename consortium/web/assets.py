"""Scripts that come out of installed packages: made once on this machine, then served as files.

Vega is emitted by vl-convert, the same version that draws on the server. The address holds the version, so browsers
keep it for good.
"""

from __future__ import annotations

import gzip
import tempfile
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

VEGA_LITE = "6.4"
FOR_GOOD = "public, max-age=31536000, immutable"


def vega_version() -> str:
    return f"{version('vl-convert-python')}-{VEGA_LITE}"


@login_not_required
@require_safe
def vega(request: HttpRequest, wanted: str) -> HttpResponse:
    """The Vega-Embed bundle: 900 kB, a third of it on the wire."""
    if wanted != vega_version():
        raise Http404
    accepts_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
    content = _bundle(wanted)
    response = HttpResponse(content if accepts_gzip else gzip.decompress(content), content_type="text/javascript")
    if accepts_gzip:
        response["Content-Encoding"] = "gzip"
    response["Cache-Control"] = FOR_GOOD
    response["Vary"] = "Accept-Encoding"
    return response


@lru_cache(maxsize=1)
def _bundle(wanted: str) -> bytes:
    """The compressed bundle from its file; the first request of a fresh machine makes the file (2 s)."""
    file = Path(settings.CONCORD_ASSETS) / f"vega-{wanted}.js.gz"
    if file.exists():
        return file.read_bytes()
    # Imported late: a process that forks afterwards would hang its children.
    import vl_convert

    content = gzip.compress(
        vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE).encode(), mtime=0
    )
    # Where nothing can be written, each process keeps its own.
    with suppress(OSError):
        _write(file, content)
    return content


def _write(file: Path, content: bytes) -> None:
    """All of it or nothing, whoever else is making it at the same time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as scratch:
        scratch.write(content)
    Path(scratch.name).replace(file)
