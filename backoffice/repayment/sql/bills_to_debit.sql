-- The bills autopay tries on a day, with the version each falls to and what is due then: what the close plans.
--
-- Why SQL: a day may have a million bills. A bill of the day is found by the loan's next transition, which is its due date
-- at the latest; a bill past due by the loan's amount overdue. Of a loan one bill is planned, the latest of those its
-- version still tries: a debit collects what is past due with it; under a version that collects the current bill
-- alone, each. Money held for the borrower pays first. A loan whose debits are stopped is not planned.
-- Inputs   %(day)s; %(since)s, the first day that is not closed (the day itself when the close plans it);
--          %(first_id)s, %(last_id)s loan ids; the rulings on the day, the most specific first, side by side:
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
    WHERE next_transition_date BETWEEN %(since)s AND %(day)s AND id BETWEEN %(first_id)s AND %(last_id)s
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
    AND NOT EXISTS (
        SELECT 1 FROM repayment_debitstop stop
        WHERE stop.loan_id = loan.id AND stop.ended_at IS NULL AND (stop.until IS NULL OR stop.until > %(day)s)
    )
), due AS (
    -- Loan by loan over the index of its bills: joined by hash or by loops over what was guessed, a million is a million
    -- times a million on the day statistics are stale.
    SELECT ruled.*, bill.*
    FROM ruled
    CROSS JOIN LATERAL (
        SELECT each.number, each.from_version, each.due_date, each.owed, each.is_tried,
               sum(each.owed) OVER () AS whole,
               row_number() OVER (ORDER BY each.is_tried DESC, each.due_date DESC, each.number DESC) AS latest
        FROM (
            SELECT i.number, i.from_version, i.due_date,
                   (i.principal + i.interest + i.fee + i.guarantee_fee + i.penalty)
                   - (i.principal_paid + i.interest_paid + i.fee_paid + i.guarantee_fee_paid + i.penalty_paid)
                   - (i.principal_waived + i.interest_waived + i.fee_waived + i.guarantee_fee_waived
                      + i.penalty_waived) AS owed,
                   EXISTS (SELECT 1 FROM tried
                           WHERE tried.version_id = ruled.version_id AND tried.due_date = i.due_date) AS is_tried
            FROM repayment_installment i
            WHERE i.loan_id = ruled.id AND i.to_version IS NULL AND i.settled_on IS NULL AND i.due_date <= %(day)s
        ) each
    ) bill
)
SELECT due.id, due.borrower_id, due.number, due.from_version, due.due_date, due.version_id, due.currency,
       CASE WHEN due.is_each THEN least(due.owed, due.whole - due.suspense) ELSE due.whole - due.suspense END AS amount
FROM due
WHERE due.is_tried AND (due.is_each OR due.latest = 1) AND due.whole > due.suspense AND due.owed > 0
ORDER BY due.id, due.number
