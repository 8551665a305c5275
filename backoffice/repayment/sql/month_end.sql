-- Month-end rows of an id range, read from the cached facts on the evening of a month end.
--
-- Why SQL: every open loan gets a row, and all of it is already known. Its oracle is domain.replay.snapshot.
-- The cached bucket is that of the next morning: where the night has just moved a loan, the bucket before the move is
-- the one of the month end. Days past due are those of the month end itself.
--
-- Left out are loans whose close of that day is still to come, and those something is already booked on for a later day:
-- their cached facts are not those of the evening. The engine makes their rows.
--
-- Inputs   %(day)s the month end, %(first_id)s, %(last_id)s, %(run_id)s.
-- Outputs  rows of repayment_monthend, none where a row is already there.
INSERT INTO repayment_monthend (loan_id, month_end, revision, status, creditor, bucket, dpd, dpd_contract, cycles,
                                outstanding_principal, overdue_amount, run_id)
SELECT loan.id, %(day)s, 0, loan.status, loan.creditor, coalesce(aged.from_bucket, loan.bucket),
       greatest(0, days.contract - days.held), days.contract, coalesce(bills.cycles, 0),
       loan.outstanding_principal, coalesce(bills.overdue, 0), %(run_id)s
FROM repayment_loan loan
LEFT JOIN LATERAL (
    SELECT move.from_bucket FROM repayment_bucketmove move
    WHERE move.loan_id = loan.id AND move."on" = %(day)s::date + 1 AND move.cause = 'aging'
    ORDER BY move.id DESC LIMIT 1
) aged ON loan.touched_on = %(day)s::date + 1
CROSS JOIN LATERAL (
    SELECT coalesce(greatest(0, %(day)s::date - loan.oldest_unpaid_due_date), 0) AS contract,
           coalesce((
               SELECT count(DISTINCT held.day)
               FROM customers_hold hold
               CROSS JOIN LATERAL generate_series(
                   greatest(lower(hold.period), loan.oldest_unpaid_due_date + 1)::timestamp,
                   least(coalesce(upper(hold.period) - 1, %(day)s::date), %(day)s::date)::timestamp,
                   interval '1 day'
               ) AS held (day)
               WHERE hold.borrower_id = loan.borrower_id AND hold.scope = 'aging'
                 AND (hold.loan_id IS NULL OR hold.loan_id = loan.id) AND NOT isempty(hold.period)
                 AND loan.oldest_unpaid_due_date < %(day)s
           ), 0)::int AS held
) days
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE unmet.is_unmet) AS cycles,
           sum(unmet.scheduled_left + i.penalty - i.penalty_paid - i.penalty_waived) AS overdue
    FROM repayment_installment i
    CROSS JOIN LATERAL (
        SELECT (i.principal + i.interest + i.fee + i.guarantee_fee)
                   - (i.principal_paid + i.interest_paid + i.fee_paid + i.guarantee_fee_paid)
                   - (i.principal_waived + i.interest_waived + i.fee_waived + i.guarantee_fee_waived) AS scheduled_left
    ) l
    CROSS JOIN LATERAL (
        SELECT l.scheduled_left,
               l.scheduled_left > 0 AND l.scheduled_left > greatest(
                   (terms.terms #>> '{tolerance,floor}')::numeric,
                   (i.principal + i.interest + i.fee + i.guarantee_fee) * (terms.terms #>> '{tolerance,percent}')::numeric
               ) AS is_unmet
        FROM repayment_loanterms terms WHERE terms.id = loan.terms_id
    ) unmet
    WHERE i.loan_id = loan.id AND i.to_version IS NULL AND i.settled_on IS NULL AND i.due_date < %(day)s
) bills ON loan.oldest_unpaid_due_date < %(day)s OR loan.overdue_amount > 0
WHERE loan.id BETWEEN %(first_id)s AND %(last_id)s
  AND loan.status <> 'closed' AND loan.disbursed_on <= %(day)s
  AND (loan.next_transition_date IS NULL OR loan.next_transition_date > %(day)s)
  AND NOT EXISTS (SELECT FROM repayment_operation o
                  WHERE o.loan_id = loan.id AND o.value_date > %(day)s
                    AND o.loan_id BETWEEN %(first_id)s AND %(last_id)s)
ON CONFLICT (loan_id, month_end, revision) DO NOTHING
