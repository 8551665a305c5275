"""The pages of control: requests for approval, limits, the audit trail."""
