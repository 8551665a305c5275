-- The borrowers of an audience on a day, each with the loan they would be written to about where a running one is asked for.
--
-- In:  %(day)s; the values of the conditions. The conditions stand where the slots are, each a constant of
--      `selectors.audiences`: {of_loan} narrows running loans, {of_borrower} borrowers, {loan} is the kind of join.
-- Out: borrower, language, time zone (theirs or, unknown, the one zone of their country or first phone), and of the loan:
--      id, number, due date of its oldest unpaid bill, left of that bill, left of all past due, currency.
-- Why SQL: an audience reads a whole book. Its slow twin is `tests/repayment/slow_audience.py`.
-- Of several loans that fit, it is the one with most past due, then with most outstanding, then the older.
WITH running AS (
    SELECT DISTINCT ON (loan.borrower_id)
           loan.borrower_id, loan.id, loan.external_id, loan.oldest_unpaid_due_date, loan.overdue_amount, loan.currency
    FROM repayment_loan loan
    CROSS JOIN LATERAL (
        SELECT greatest(0, %(day)s::date - loan.oldest_unpaid_due_date - coalesce((
            SELECT sum(upper(span) - lower(span))
            FROM unnest((
                SELECT range_agg(hold.period * daterange(loan.oldest_unpaid_due_date + 1, %(day)s::date + 1))
                FROM customers_hold hold
                WHERE hold.borrower_id = loan.borrower_id AND hold.scope = 'aging'
                  AND (hold.loan_id IS NULL OR hold.loan_id = loan.id)
                  AND loan.oldest_unpaid_due_date < %(day)s::date
            )) AS span
        ), 0))::int AS days
    ) past_due
    WHERE loan.status = 'active' AND loan.oldest_unpaid_due_date IS NOT NULL{of_loan}
    ORDER BY loan.borrower_id, loan.overdue_amount DESC, loan.outstanding_total DESC, loan.id
)
SELECT borrower.id, borrower.language,
       coalesce(nullif(borrower.time_zone, ''), (
           SELECT point.time_zones[1] FROM customers_contactpoint point
           WHERE point.borrower_id = borrower.id AND point.ended_at IS NULL AND cardinality(point.time_zones) > 0
           ORDER BY cardinality(point.time_zones), point.id LIMIT 1
       ), ''),
       running.id, running.external_id, running.oldest_unpaid_due_date, bill.amount, running.overdue_amount,
       running.currency
FROM customers_borrower borrower
{loan} JOIN running ON running.borrower_id = borrower.id
LEFT JOIN LATERAL (
    SELECT (bill.principal + bill.interest + bill.fee + bill.guarantee_fee + bill.penalty)
           - (bill.principal_paid + bill.interest_paid + bill.fee_paid + bill.guarantee_fee_paid + bill.penalty_paid)
           - (bill.principal_waived + bill.interest_waived + bill.fee_waived + bill.guarantee_fee_waived
              + bill.penalty_waived) AS amount
    FROM repayment_installment bill
    WHERE bill.loan_id = running.id AND bill.due_date = running.oldest_unpaid_due_date
      AND bill.to_version IS NULL AND bill.settled_on IS NULL
    LIMIT 1
) bill ON true
WHERE borrower.merged_into_id IS NULL{of_borrower}
ORDER BY borrower.id
