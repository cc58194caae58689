"""The audit of a whole release as one system of equations, whatever the way in which its pattern was chosen."""

from sharing.benchmarks.release_audit.audit import Finding, ReleaseAudit, audit_release
from sharing.benchmarks.release_audit.record import system_document

__all__ = ["Finding", "ReleaseAudit", "audit_release", "system_document"]
