"""What went wrong, as the standard says it: a code of SDMX, a status of HTTP, and a sentence."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

_MESSAGE = "http://www.sdmx.org/resources/sdmxml/schemas/{}/message"
_COMMON = "http://www.sdmx.org/resources/sdmxml/schemas/{}/common"

NO_RESULTS, UNAUTHORISED, TOO_LARGE, SYNTAX, SEMANTIC = 100, 110, 130, 140, 150
INTERNAL, NOT_IMPLEMENTED, UNAVAILABLE = 500, 501, 503
# For statuses of HTTP that did not begin as an error of SDMX.
OF_STATUS = {
    400: SYNTAX,
    401: UNAUTHORISED,
    403: SEMANTIC,
    404: NO_RESULTS,
    413: TOO_LARGE,
    501: NOT_IMPLEMENTED,
    503: UNAVAILABLE,
}


class SdmxError(Exception):
    """A refusal with its code of SDMX and its status of HTTP."""

    def __init__(self, sentence: str, code: int, status: int) -> None:
        super().__init__(sentence)
        self.sentence, self.code, self.status = sentence, code, status


def syntax(sentence: str) -> SdmxError:
    return SdmxError(sentence, SYNTAX, 400)


def nothing(sentence: str) -> SdmxError:
    return SdmxError(sentence, NO_RESULTS, 404)


def not_implemented(sentence: str) -> SdmxError:
    return SdmxError(sentence, NOT_IMPLEMENTED, 501)


def too_large(sentence: str) -> SdmxError:
    return SdmxError(sentence, TOO_LARGE, 413)


def as_xml(code: int, sentence: str, standard: str) -> bytes:
    """An Error message of SDMX-ML; `standard` is v2_1 or v3_0."""
    # A character that XML cannot hold came with the address; the sentence is clear without it.
    clean = "".join(letter if letter.isprintable() else "?" for letter in sentence)
    text = escape(clean.encode(errors="replace").decode())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<mes:Error xmlns:mes="{_MESSAGE.format(standard)}" xmlns:com="{_COMMON.format(standard)}">'
        f'<mes:ErrorMessage code="{code}"><com:Text xml:lang="en">{text}</com:Text></mes:ErrorMessage></mes:Error>\n'
    ).encode()


def as_json(code: int, sentence: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "title": sentence}]}).encode()
