-- Compares, per loan, the ledger with the bills, with the last month end, and the bills with the loan's cached facts.
--
-- Why SQL: it reads every row of the book. It recomputes from the rows alone and shares nothing with what wrote them.
-- The due dates are held against the days of the bills: where bill i of n runs for days(i) from the bill before it,
-- sum(i * days(i)) + sum(due(i)) = (n + 1) * due(n) - disbursed, and no one of them can be changed alone.
-- Later versions begin between two due dates; a replay tells of theirs.
-- Inputs   %(first_id)s, %(last_id)s the id range (the caller may put named loans in its place); %(business_date)s
--          and %(month_end)s, the last one before it; what the copied terms say, as arrays.
-- Outputs  loan id, name of the check, what the rows say, what is stored; only where they differ.
WITH rule AS (
    SELECT * FROM unnest(%(rule_terms)s::bigint[], %(rule_annual_rate)s::numeric[], %(rule_currency)s::text[])
        AS r (terms_id, annual_rate, currency)
), bill AS (
    SELECT loan_id,
           min(borrower_id) AS first_borrower,
           max(borrower_id) AS last_borrower,
           count(*) AS bills,
           max(number) AS last_number,
           max(from_version) AS last_version,
           max(due_date) AS last_due,
           sum(number * days + (due_date - date '2000-01-01')) AS day_sum,
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
            SELECT loan_id, borrower_id, number, from_version, days, due_date, settled_on, principal,
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
           min(value_date) FILTER (WHERE kind = 'disbursement') AS disbursed_on,
           sum(amount) FILTER (WHERE credit = 'suspense') AS suspense_in,
           sum(amount) FILTER (WHERE debit = 'suspense') AS suspense_out
    FROM (
        SELECT loan_id, kind, component, amount, debit, credit, value_date,
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
LEFT JOIN rule ON rule.terms_id = loan.terms_id
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
    ('the bills fall due as many days apart as they run',
     CASE WHEN bill.last_version = 1 AND bill.bills = bill.last_number
          THEN (bill.bills + 1) * (bill.last_due - date '2000-01-01') - (loan.disbursed_on - date '2000-01-01') ELSE 0 END,
     CASE WHEN bill.last_version = 1 AND bill.bills = bill.last_number THEN bill.day_sum ELSE 0 END),
    ('the bills are the borrower''s', 1,
     CASE WHEN bill.first_borrower = loan.borrower_id AND bill.last_borrower = loan.borrower_id THEN 1 ELSE 0 END),
    ('the annual rate is that of the terms', rule.annual_rate, loan.annual_rate),
    ('the currency is that of the terms', 1, CASE WHEN loan.currency = rule.currency THEN 1 ELSE 0 END),
    ('the loan was disbursed when the ledger says', 0, loan.disbursed_on - ledger.disbursed_on),
    ('the last bill falls due at maturity', 0,
     CASE WHEN bill.last_version = 1 THEN loan.maturity_on - bill.last_due ELSE 0 END),
    ('a loan is closed when nothing is left', CASE WHEN loan.status = 'closed' THEN 0 ELSE 1 END,
     CASE WHEN loan.outstanding_total = 0 THEN 0 ELSE 1 END)
) AS finding (name, computed, stored)
WHERE finding.computed IS DISTINCT FROM finding.stored
ORDER BY loan.id
