"""The trail, the outbox, requests for approval and answered requests of programs."""

from backoffice.audit.models.approvals import Approval, ApprovalLimit
from backoffice.audit.models.idempotency import IdempotencyKey
from backoffice.audit.models.outbox import OutboxEvent
from backoffice.audit.models.trail import AuditEntry

__all__ = ["Approval", "ApprovalLimit", "AuditEntry", "IdempotencyKey", "OutboxEvent"]
