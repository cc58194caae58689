"""The tables of the cycle; one module a noun."""

from sharing.models.alert import Alert, AlertHandling, AlertKind, AlertStep, Ending, Outcome, OwnWatch, Severity, Watch
from sharing.models.audit_record import AuditRecord
from sharing.models.collection import Collection, PeerGroup
from sharing.models.extension import Extension
from sharing.models.log import Leaf
from sharing.models.no_data import NoData, NoDataReason
from sharing.models.query import Query, QueryMessage
from sharing.models.release import EditKind, Release, ReleaseApproval, ReleaseCell, ReleaseComment, ReleaseEdit
from sharing.models.release_total import ReleaseTotal
from sharing.models.reminder import Reminder
from sharing.models.round import Destruction, Round, RoundKey
from sharing.models.statement import Statement, StatementBlock, StatementDelivery, StatementKey
from sharing.models.submission import CorrectionReason, Finding, Opening, Remark, Submission, Timeliness

__all__ = [
    "Alert",
    "AlertHandling",
    "AlertKind",
    "AlertStep",
    "AuditRecord",
    "Collection",
    "CorrectionReason",
    "Destruction",
    "EditKind",
    "Ending",
    "Extension",
    "Finding",
    "Leaf",
    "NoData",
    "NoDataReason",
    "Opening",
    "Outcome",
    "OwnWatch",
    "PeerGroup",
    "Query",
    "QueryMessage",
    "Release",
    "ReleaseApproval",
    "ReleaseCell",
    "ReleaseComment",
    "ReleaseEdit",
    "ReleaseTotal",
    "Remark",
    "Reminder",
    "Round",
    "RoundKey",
    "Severity",
    "Statement",
    "StatementBlock",
    "StatementDelivery",
    "StatementKey",
    "Submission",
    "Timeliness",
    "Watch",
]
