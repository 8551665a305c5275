-- A second, simple calculation of what some loans owe on a day, bill by bill, apart from the engine.
--
-- Why SQL: it must not share code with what it checks. What stands on the bills is exact; penalty that still grows is reckoned
-- generously (all that is left of a bill, every day since it fell due), so that only a real mistake lies above it.
-- Inputs   %(loan_ids)s, %(day)s; the penalty rates of terms side by side: %(rule_terms)s, %(rule_rate)s, %(rule_basis)s.
-- Outputs  a row for each bill due by the day (one with nulls where there is none): loan, whether it is active, whether a
--          hold forbids its debit, what is held for the borrower; the bill's number, whether it is past due, what stands
--          on it, the same with penalty reckoned generously.
WITH rule AS (
    SELECT * FROM unnest(%(rule_terms)s::bigint[], %(rule_rate)s::numeric[], %(rule_basis)s::int[])
        AS r (terms_id, penalty_rate, day_basis)
), bill AS (
    SELECT i.loan_id, i.number, i.due_date, i.penalty, i.penalty_paid, i.penalty_waived, i.compound_base,
           i.principal + i.interest + i.fee + i.guarantee_fee - i.principal_paid - i.interest_paid - i.fee_paid
           - i.guarantee_fee_paid - i.principal_waived - i.interest_waived - i.fee_waived - i.guarantee_fee_waived
           AS scheduled
    FROM repayment_installment i
    WHERE i.loan_id = ANY(%(loan_ids)s) AND i.to_version IS NULL AND i.due_date <= %(day)s
), owed AS (
    SELECT bill.loan_id, bill.number, bill.due_date < %(day)s AS is_past,
           scheduled + penalty - penalty_paid - penalty_waived AS stands,
           CASE WHEN scheduled > 0 THEN ceil(
               (scheduled + compound_base) * (%(day)s::date - due_date) * rule.penalty_rate / rule.day_basis * 100
           ) / 100 ELSE 0 END AS grows
    FROM bill JOIN repayment_loan loan ON loan.id = bill.loan_id JOIN rule ON rule.terms_id = loan.terms_id
)
SELECT loan.id, loan.status = 'active', EXISTS (
           SELECT 1 FROM customers_hold hold
           WHERE hold.scope = 'debit' AND hold.effect <> 'if_mandated' AND hold.period @> %(day)s::date
             AND (hold.loan_id = loan.id OR (hold.loan_id IS NULL AND hold.borrower_id = loan.borrower_id))),
       loan.suspense, owed.number, owed.is_past, owed.stands, round(owed.stands + owed.grows, 2)
FROM repayment_loan loan LEFT JOIN owed ON owed.loan_id = loan.id
WHERE loan.id = ANY(%(loan_ids)s)
ORDER BY loan.id, owed.number
