"""The tables of the cycle; one module a noun."""

from sharing.models.collection import Collection, PeerGroup
from sharing.models.log import Leaf
from sharing.models.release import Release, ReleaseApproval, ReleaseCell
from sharing.models.round import Destruction, Round, RoundKey
from sharing.models.statement import Statement
from sharing.models.submission import Finding, Opening, Submission

__all__ = [
    "Collection",
    "Destruction",
    "Finding",
    "Leaf",
    "Opening",
    "PeerGroup",
    "Release",
    "ReleaseApproval",
    "ReleaseCell",
    "Round",
    "RoundKey",
    "Statement",
    "Submission",
]
