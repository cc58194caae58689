"""The sentences that the script of the sealing page says; a name in braces is filled in by it."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

# A finding says what is wrong and what to do. Never what stands in the cell.
FINDINGS: Final = {
    "unreadable": _("The file cannot be read. Save it again as CSV (UTF-8), Excel (.xlsx) or Parquet."),
    "ragged": _(
        "The row has a field too many or too few. A decimal is written with a point, nothing stands between thousands."
    ),
    "parquet-kind": _(
        "The page cannot read Parquet of this kind. Write it with gzip or snappy compression, plain or dictionary encoding and "
        "flat columns, not encrypted; “concord aggregate” does. Or seal it as it is with “concord seal”."
    ),
    "parquet-type": _(
        "The Parquet column has a type that a cube does not have. Write codes as text and measures as integers or doubles."
    ),
    "too-large": _("The file is larger than a cube of this collection can be. Send cells, not single loans."),
    "empty": _("The file has no rows. Write at least the row of the grand total."),
    "missing-column": _("The column is missing. Add it, or start from the round's Excel form."),
    "duplicate-column": _("The column is there twice. Keep one."),
    "unmapped-column": _("The collection does not ask for this column. Remove it."),
    "wrong-type": _("The column must hold numbers, with a point for decimals and nothing between thousands."),
    "missing-code": _("There is no code. A total has the code _T."),
    "unknown-code": _("The code is not in the list. The Excel form has all codes on its sheet Codes."),
    "duplicate-cell": _("The cell is there twice. Write one row for each cell."),
    "wrong-collection": _("The file says that it is of another collection than {collection}. Choose another file."),
    "wrong-version": _("The file was made for another version of the template than {version}. Make it again."),
    "wrong-period": _("The row is not for {period}. One file is one period."),
    "other-period": _("The file says that it is for another period than {period}. Choose another file."),
    "wrong-institution": _("The file says that it is of another institution than {institution}. Choose another file."),
    "wrong-action": _("ACTION must be I: a cube is always whole."),
    "unknown-status": _("OBS_STATUS must be A or Q, and CONF_STATUS F or C."),
    "status-disagrees": _(
        "A withheld cell has the statuses Q and C and no value at all, a published one A and F and every value. A zero is "
        "written as 0."
    ),
    "not-finite": _("The value must be a finite number."),
    "not-whole": _("A count must be a whole number."),
    "negative-count": _("A count cannot be negative."),
    "out-of-range": _("The value is too large to be true."),
    "sum": _("The parts along {dimension} do not add up to {total}. Correct the parts or the total."),
    "less-or-equal": _("{left} is more than {right}. Correct one of the two."),
    "below-minimum": _(
        "Published with fewer than {minimum} in {measure}. Withhold the cell (statuses Q and C, no values) together with "
        "another, merge it with its neighbours, or make the cube with “concord aggregate”, which does both."
    ),
    "recoverable": _(
        "The one withheld cell among {total} and its parts along {dimension} follows from the others. Withhold a second one."
    ),
    "not-rounded": _("Not a multiple of {base}, as the collection demands. Make the cube with “concord aggregate”."),
}

_FLOW: Final = {
    "error": _("error"),
    "warning": _("warning"),
    "row": _("row {row}"),
    "grand-total": _("the grand total"),
    "more": _("The same rule is broken in {number} more cells."),
    "reading": _("Reading {name} …"),
    "findings": _("{number} findings. Nothing was sealed and nothing was sent."),
    "one-finding": _("1 finding. Nothing was sealed and nothing was sent."),
    "clean": _("The file is in order: {cells} cells, {withheld} of them withheld."),
    "warned": _("The file can be sent: {cells} cells, {withheld} of them withheld. Read the warnings first."),
    "added": _("Not in the file and added here: {columns}."),
    "zero": _("The grand total is zero. Is the form still empty?"),
    "no-browser": _(
        "This browser cannot seal. It needs X25519 and Ed25519 in Web Crypto, and a page opened over https: Chrome or Edge 137, "
        "Firefox 130, Safari 17, or later."
    ),
    "no-storage": _(
        "This browser keeps nothing for this site, as in a private window. Allow it, and open the page again."
    ),
    "key-none": _("This browser has no signing key yet."),
    "key-waiting": _("This browser has a signing key. It is not registered yet."),
    "key-in-force": _("This browser has a signing key, and it is in force."),
    "key-ended": _("This browser's signing key was revoked or has ended. Remove it, and make another."),
    "key-registered": _("The key is registered. Your administrators and approvers were told."),
    "key-forget": _("Remove the key from this browser? It cannot be brought back; what it signed stays yours."),
    "copied": _("Copied."),
    "sealing": _("Sealing and sending …"),
    "trust-new": _(
        "The round's key is signed with another key of the consortium than before. Ask the association whether {kid} is "
        "theirs, by telephone and not by this page. Nothing was sealed."
    ),
    "mistrusted": _(
        "The round's key is not signed by the consortium as it must be ({rule}). Tell the association. Nothing was sealed."
    ),
    "bad-receipt": _(
        "The package was sent, but its receipt does not hold ({rule}). Keep this page open and tell the association."
    ),
    "refused": _("The package was refused: {detail}"),
    "no-answer": _("The portal did not answer. Nothing is lost: try again, the same package is received only once."),
    "signed-out": _(
        "You are signed out. Sign in again in another tab, come back to this one and press the button again. Nothing was sent."
    ),
    "sent": _("Received as version {version} on {at}. The receipt was verified in this browser."),
    "trial-sent": _(
        "Received as a trial on {at}. It is checked and never counts. The receipt was verified in this browser."
    ),
}

WORDS: Final = {**FINDINGS, **_FLOW}
