-- Ends every hold of one bulk on a day; those lifted one by one, or over by then, stay as they are.
--
-- Why SQL: one statement for any number of borrowers. The end is that of services.lifting.lift_now: never before the start.
--
-- Inputs   %(bulk_id)s, %(on)s, %(by)s, %(by_name)s, %(reason)s.
-- Outputs  one row per hold ended: id, borrower_id, scope.
WITH locked_borrowers AS MATERIALIZED (
    SELECT borrower.id FROM customers_borrower borrower
    WHERE borrower.id IN (SELECT hold.borrower_id FROM customers_hold hold WHERE hold.bulk_id = %(bulk_id)s)
    ORDER BY borrower.id FOR UPDATE
), locked AS MATERIALIZED (
    SELECT hold.id FROM customers_hold hold
    WHERE hold.bulk_id = %(bulk_id)s AND hold.lifted_at IS NULL AND upper(hold.period) > %(on)s
      AND hold.borrower_id IN (SELECT locked_borrowers.id FROM locked_borrowers)
    ORDER BY hold.id FOR UPDATE
)
UPDATE customers_hold hold
SET period = daterange(lower(hold.period), greatest(lower(hold.period), %(on)s::date)),
    lifted_by = %(by)s, lifted_by_name = %(by_name)s, lifted_at = now(), lift_reason = %(reason)s
FROM locked WHERE hold.id = locked.id
RETURNING hold.id, hold.borrower_id, hold.scope
