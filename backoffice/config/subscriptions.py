"""Every reaction of the product: which tasks are told when something has happened.

An app publishes an event in its transaction (`audit.outbox.publish`) and does not know who listens. Tasks get the
event's payload as keywords, at least once, so they are safe to run twice.
"""

SUBSCRIPTIONS: dict[str, tuple[str, ...]] = {
    "customers.hold.placed": ("outreach.follow_hold",),
    "customers.bulk_hold.placed": ("repayment.follow_bulk_hold", "outreach.follow_bulk_hold"),
    "customers.bulk_hold.lifted": ("repayment.follow_bulk_hold",),
    "customers.borrower.merged": ("repayment.follow_merge",),
    "customers.borrower.unmerged": ("repayment.follow_merge",),
    "outreach.carrier.opted_out": ("outreach.stop_those_who_share",),
    "outreach.message.waits_for_facts": ("repayment.look_again",),
    "outreach.replay.asked": ("outreach.run_replay",),
    "repayment.autopay_version.needs_people": ("repayment.page_publishers",),
    "repayment.breaker.opened": ("repayment.page_owners",),
    "repayment.debits.known": ("repayment.tell_of_debits",),
    "repayment.debits.returned": ("repayment.tell_of_return",),
}
