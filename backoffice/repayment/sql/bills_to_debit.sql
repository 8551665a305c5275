-- The bills autopay tries on a day, with the version each falls to and what is due then: what the close plans.
--
-- Why SQL: a day may have a million bills. A bill of the day is found by the loan's next transition, which is its due date
-- at the latest; a bill past due by the loan's amount overdue. Of a loan one bill is planned, the latest of those its
-- version still tries: a debit collects what is past due with it; under a version that collects the current bill
-- alone, each. Money held for the borrower pays first.
-- Inputs   %(day)s; %(first_id)s, %(last_id)s loan ids; the rulings on the day, the most specific first, side by side:
--          %(version)s, %(portfolio)s, %(product)s (0: all), %(funder)s ('': all), %(canary)s whether only
--          its loans on trial, %(each)s whether each bill is planned; and the due dates each tries: %(tried_version)s, %(tried_on)s.
-- Outputs  loan, borrower, bill number, its schedule version, due date, version that rules, currency, amount due.
WITH ruling AS (
    SELECT * FROM unnest(
        %(version)s::bigint[], %(portfolio)s::text[], %(product)s::bigint[], %(funder)s::text[], %(canary)s::boolean[],
        %(each)s::boolean[]
    ) WITH ORDINALITY AS r (version_id, portfolio, product_id, funder, is_canary, is_each, rank)
), tried AS (
    SELECT * FROM unnest(%(tried_version)s::bigint[], %(tried_on)s::date[]) AS t (version_id, due_date)
), candidate AS (
    SELECT id FROM repayment_loan
    WHERE next_transition_date = %(day)s AND id BETWEEN %(first_id)s AND %(last_id)s
    UNION
    SELECT id FROM repayment_loan WHERE overdue_amount > 0 AND id BETWEEN %(first_id)s AND %(last_id)s
), ruled AS (
    SELECT loan.id, loan.borrower_id, loan.currency, loan.suspense, pick.version_id, pick.is_each
    FROM candidate
    JOIN repayment_loan loan ON loan.id = candidate.id AND loan.status = 'active'
    LEFT JOIN repayment_productversion product ON product.id = loan.product_version_id
    CROSS JOIN LATERAL (
        SELECT ruling.version_id, ruling.is_each FROM ruling
        WHERE ruling.portfolio = loan.portfolio
          AND ruling.product_id IN (0, coalesce(product.product_id, 0))
          AND ruling.funder IN ('', loan.creditor)
          AND (NOT ruling.is_canary OR EXISTS (
              SELECT 1 FROM repayment_canaryloan trial
              WHERE trial.version_id = ruling.version_id AND trial.loan_id = loan.id))
        ORDER BY ruling.rank LIMIT 1
    ) pick
    WHERE EXISTS (
        SELECT 1 FROM repayment_mandate mandate
        WHERE mandate.borrower_id = loan.borrower_id AND mandate.state = 'active'
          AND mandate.currency = loan.currency
          AND (mandate.valid_through IS NULL OR mandate.valid_through >= %(day)s)
    )
    AND NOT EXISTS (
        SELECT 1 FROM customers_hold hold
        WHERE hold.scope = 'debit' AND hold.effect <> 'if_mandated' AND hold.period @> %(day)s::date
          AND (hold.loan_id = loan.id OR (hold.loan_id IS NULL AND hold.borrower_id = loan.borrower_id))
    )
), due AS (
    SELECT ruled.id, bill.number, bill.from_version, bill.due_date,
           (bill.principal + bill.interest + bill.fee + bill.guarantee_fee + bill.penalty)
           - (bill.principal_paid + bill.interest_paid + bill.fee_paid + bill.guarantee_fee_paid + bill.penalty_paid)
           - (bill.principal_waived + bill.interest_waived + bill.fee_waived + bill.guarantee_fee_waived
              + bill.penalty_waived) AS owed
    FROM ruled
    JOIN repayment_installment bill ON bill.loan_id = ruled.id AND bill.to_version IS NULL
        AND bill.settled_on IS NULL AND bill.due_date <= %(day)s
), whole AS (
    SELECT id, sum(owed) AS owed, sum(owed) FILTER (WHERE due_date < %(day)s) AS overdue FROM due GROUP BY id
), open_bill AS (
    SELECT due.*, row_number() OVER (PARTITION BY due.id ORDER BY due.due_date DESC, due.number DESC) AS latest
    FROM due JOIN ruled ON ruled.id = due.id
    JOIN tried ON tried.version_id = ruled.version_id AND tried.due_date = due.due_date
)
SELECT ruled.id, ruled.borrower_id, open_bill.number, open_bill.from_version, open_bill.due_date, ruled.version_id,
       ruled.currency,
       CASE WHEN ruled.is_each THEN least(open_bill.owed, whole.owed - ruled.suspense)
            ELSE whole.owed - ruled.suspense END AS amount
FROM open_bill
JOIN ruled ON ruled.id = open_bill.id AND (ruled.is_each OR open_bill.latest = 1)
JOIN whole ON whole.id = ruled.id
WHERE whole.owed > ruled.suspense AND open_bill.owed > 0
ORDER BY ruled.id, open_bill.number
