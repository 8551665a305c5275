-- Compares, per loan, the ledger with the bills, with the last month end, and the bills with the loan's cached facts.
--
-- Why SQL: it reads every row of the book. It recomputes from the rows alone and shares nothing with what wrote them.
-- Inputs   %(first_id)s, %(last_id)s the id range (the caller may put named loans in its place); %(business_date)s
--          and %(month_end)s, the last one before it.
-- Outputs  loan id, name of the check, what the rows say, what is stored; only where they differ.
WITH bill AS (
    SELECT loan_id,
           sum(principal) AS principal,
           sum(principal_left) AS principal_left,
           sum(interest_left) AS interest_left,
           sum(fee_left) AS fee_left,
           sum(guarantee_fee_left) AS guarantee_fee_left,
           sum(penalty_left) AS penalty_left,
           coalesce(sum(total_left) FILTER (WHERE due_date < %(business_date)s), 0) AS overdue,
           bool_and((settled_on IS NOT NULL) = (total_left = 0)) AS is_marked_right
    FROM (
        SELECT *, principal_left + interest_left + fee_left + guarantee_fee_left + penalty_left AS total_left
        FROM (
            SELECT loan_id, due_date, settled_on, principal,
                   principal - principal_paid - principal_waived AS principal_left,
                   interest - interest_paid - interest_waived AS interest_left,
                   fee - fee_paid - fee_waived AS fee_left,
                   guarantee_fee - guarantee_fee_paid - guarantee_fee_waived AS guarantee_fee_left,
                   penalty - penalty_paid - penalty_waived AS penalty_left
            FROM repayment_installment
            WHERE to_version IS NULL AND loan_id BETWEEN %(first_id)s AND %(last_id)s
            OFFSET 0
        ) component_left
        OFFSET 0
    ) bill_left
    GROUP BY loan_id
), ledger AS (
    SELECT loan_id,
           sum(change) FILTER (WHERE component = 'principal') AS principal,
           sum(change) FILTER (WHERE component = 'principal' AND value_date <= %(month_end)s) AS principal_then,
           sum(change) FILTER (WHERE component = 'interest') AS interest,
           sum(change) FILTER (WHERE component = 'fee') AS fee,
           sum(change) FILTER (WHERE component = 'guarantee_fee') AS guarantee_fee,
           sum(change) FILTER (WHERE component = 'penalty') AS penalty,
           sum(amount) FILTER (WHERE credit = 'suspense') AS suspense_in,
           sum(amount) FILTER (WHERE debit = 'suspense') AS suspense_out
    FROM (
        SELECT loan_id, component, amount, debit, credit, value_date,
               CASE WHEN debit = component || '_receivable' OR debit = 'charged_off_receivable' THEN amount ELSE 0 END
               - CASE WHEN credit = component || '_receivable' OR credit = 'charged_off_receivable' THEN amount ELSE 0 END
                   AS change
        FROM repayment_transfer
        WHERE loan_id BETWEEN %(first_id)s AND %(last_id)s
    ) moved
    GROUP BY loan_id
), picture AS (
    SELECT DISTINCT ON (loan_id) loan_id, outstanding_principal
    FROM repayment_monthend
    WHERE month_end = %(month_end)s AND loan_id BETWEEN %(first_id)s AND %(last_id)s
    ORDER BY loan_id, revision DESC
)
SELECT loan.id, finding.name, finding.computed::text, finding.stored::text
FROM (SELECT *, id AS loan_id FROM repayment_loan
      WHERE id BETWEEN %(first_id)s AND %(last_id)s) loan
LEFT JOIN bill USING (loan_id)
LEFT JOIN ledger USING (loan_id)
LEFT JOIN picture USING (loan_id)
CROSS JOIN LATERAL (VALUES
    ('scheduled principal is the principal disbursed', coalesce(bill.principal, 0), loan.principal),
    ('ledger principal is what the bills have left', coalesce(ledger.principal, 0), bill.principal_left),
    ('ledger principal is what the last month end shows', coalesce(ledger.principal_then, 0),
     coalesce(picture.outstanding_principal, ledger.principal_then, 0)),
    ('ledger interest is what the bills have left', coalesce(ledger.interest, 0), bill.interest_left),
    ('ledger fee is what the bills have left', coalesce(ledger.fee, 0), bill.fee_left),
    ('ledger guarantee fee is what the bills have left', coalesce(ledger.guarantee_fee, 0), bill.guarantee_fee_left),
    ('ledger penalty is what the bills have left', coalesce(ledger.penalty, 0), bill.penalty_left),
    ('ledger suspense is the suspense held', coalesce(ledger.suspense_in, 0) - coalesce(ledger.suspense_out, 0), loan.suspense),
    ('principal left on the bills is the outstanding principal', bill.principal_left, loan.outstanding_principal),
    ('everything left on the bills is the outstanding total',
     bill.principal_left + bill.interest_left + bill.fee_left + bill.guarantee_fee_left + bill.penalty_left,
     loan.outstanding_total),
    ('what is left of bills past due is the overdue amount', bill.overdue, loan.overdue_amount),
    ('bills with nothing left are marked settled', 1, CASE WHEN bill.is_marked_right THEN 1 ELSE 0 END),
    ('a loan is closed when nothing is left', CASE WHEN loan.status = 'closed' THEN 0 ELSE 1 END,
     CASE WHEN loan.outstanding_total = 0 THEN 0 ELSE 1 END)
) AS finding (name, computed, stored)
WHERE finding.computed IS DISTINCT FROM finding.stored
ORDER BY loan.id
