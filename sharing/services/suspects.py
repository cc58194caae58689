"""What somebody else may have sent in an institution's name: what a compromised key signed and still counts."""

from __future__ import annotations

from consortium.institutions.models import SigningKey
from sharing.models import Submission
from sharing.states import RoundState, SubmissionState

_STILL_COUNTS = (SubmissionState.RECEIVED, SubmissionState.AWAITING_APPROVAL, SubmissionState.ACCEPTED)


def suspects(key: SigningKey) -> list[Submission]:
    """The submissions of rounds still open that a compromised key signed; the institution sends each of them again.

    Of a round that is closed nothing can be sent: whoever finds a submission there that is not its own asks the
    association to reopen it.
    """
    if key.revocation != SigningKey.Revocation.COMPROMISED:
        return []
    signed = Submission.objects.filter(
        institution=key.institution_id, signing_kid=key.kid, state__in=_STILL_COUNTS, round__state=RoundState.OPEN
    )
    return list(signed.select_related("round__collection").order_by("round__due_at", "version"))
