-- The agreement a debit of a bill goes over: of the borrower's active ones over the version's rails, those the bill was not
-- refused on, in the order the version says, over rails that are not paused first: what is built over a paused one waits for it.
--
-- Why SQL: chosen for each bill of a slot, and for each of a simulation. Included where "bill" is a row of borrower_id,
-- currency and skipped_mandates.
-- Inputs   %(day)s; %(rails)s codes in their order; %(order)s priority | newest | last_success.
-- Outputs  agreement, its rail, whether it lets a part be debited; no row: none is left.
SELECT one.id, one.rail_id, one.allows_partial FROM repayment_mandate one
JOIN repayment_rail rail ON rail.id = one.rail_id
WHERE one.borrower_id = bill.borrower_id AND one.state = 'active' AND one.currency = bill.currency
  AND (one.valid_through IS NULL OR one.valid_through >= %(day)s)
  AND rail.code = ANY(%(rails)s) AND NOT bill.skipped_mandates @> to_jsonb(one.id)
ORDER BY rail.is_paused, CASE %(order)s WHEN 'newest' THEN -one.id WHEN 'last_success' THEN coalesce(
             -extract(epoch FROM (SELECT max(won.succeeded_at) FROM repayment_debitcommand won
                                  WHERE won.mandate_id = one.id AND won.state = 'succeeded')), 0)
         ELSE one.priority END,
         array_position(%(rails)s, rail.code::text), one.priority, one.id
LIMIT 1
