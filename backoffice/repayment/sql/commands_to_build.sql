-- The open bills of a version's day that a slot tries, each with the agreement to debit and the number of the attempt.
--
-- Why SQL: a slot may have 200,000 bills. A bill is tried that has had fewer attempts than a day allows, the last of them
-- answered long enough ago, with nothing under way for it or in flight on its loan. Of the borrower's active
-- agreements over the version's rails, those this bill was not refused on come in the order the version says.
-- Inputs   %(version_id)s, %(day)s, %(currency)s; %(most)s attempts a day; %(quiet_since)s, when the last one must have
--          been answered; %(rails)s codes in their order; %(order)s priority | newest | last_success.
-- Outputs  bill id, loan, borrower, bill number, schedule version, number of the next attempt over the bill's life, amount
--          forecast, mandate (empty: none is left), rail, rail's place in the order.
SELECT bill.id, bill.loan_id, bill.borrower_id, bill.installment_number, bill.from_version,
       1 + (SELECT count(*) FROM repayment_debitcommand past
            WHERE past.loan_id = bill.loan_id AND past.installment_number = bill.installment_number
              AND past.from_version = bill.from_version AND past.purpose = 'debit'),
       bill.amount - bill.debited, mandate.id, mandate.rail_id
FROM repayment_debitbill bill
LEFT JOIN LATERAL (
    SELECT one.id, one.rail_id FROM repayment_mandate one
    JOIN repayment_rail rail ON rail.id = one.rail_id AND NOT rail.is_paused
    WHERE one.borrower_id = bill.borrower_id AND one.state = 'active' AND one.currency = bill.currency
      AND (one.valid_through IS NULL OR one.valid_through >= %(day)s)
      AND rail.code = ANY(%(rails)s) AND NOT bill.skipped_mandates @> to_jsonb(one.id)
    ORDER BY CASE %(order)s WHEN 'newest' THEN -one.id WHEN 'last_success' THEN coalesce(
                 -extract(epoch FROM (SELECT max(won.succeeded_at) FROM repayment_debitcommand won
                                      WHERE won.mandate_id = one.id AND won.state = 'succeeded')), 0)
             ELSE one.priority END,
             array_position(%(rails)s, rail.code::text), one.priority, one.id
    LIMIT 1
) mandate ON true
WHERE bill.version_id = %(version_id)s AND bill.day = %(day)s AND bill.state = 'open' AND bill.currency = %(currency)s
  AND bill.attempts < %(most)s AND bill.amount > bill.debited
  AND NOT EXISTS (
      SELECT 1 FROM repayment_debitcommand busy
      WHERE busy.loan_id = bill.loan_id AND (
          busy.state IN ('submitted', 'unknown')
          OR (busy.bill_id = bill.id AND (busy.state = 'planned' OR busy.answered_at > %(quiet_since)s))))
ORDER BY bill.id
