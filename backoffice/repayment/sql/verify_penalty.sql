-- Compares the penalty charged on a bill with what its counted overdue days come to.
--
-- Why SQL: it reads every bill that was ever overdue. Its oracle is domain.penalty.penalty_of.
-- Counting and charging are one act, so the two agree at every moment; only while a waiving grace has not been charged
-- for yet may days be counted and nothing charged.
-- Inputs   %(first_id)s, %(last_id)s the id range (the caller may put named loans in its place); the rules as arrays.
-- Outputs  loan id, name of the check, what the rows say, what is stored; only where they differ.
WITH rule AS (
    SELECT * FROM unnest(
        %(rule_terms)s::bigint[], %(rule_rate)s::numeric[], %(rule_basis)s::int[], %(rule_exponent)s::int[],
        %(rule_waives)s::boolean[]
    ) AS r (terms_id, penalty_rate, day_basis, exponent, has_waiving_grace)
)
SELECT bill.loan_id, 'penalty of bill ' || bill.number || ' is that of its overdue days',
       bill.grown::text, bill.penalty::text
FROM (
    SELECT i.loan_id, i.number, i.penalty, rule.has_waiving_grace,
           round(i.overdue_base_days * rule.penalty_rate / rule.day_basis, rule.exponent) AS grown
    FROM (SELECT loan_id, number, penalty, overdue_base_days
          FROM repayment_installment
          WHERE to_version IS NULL AND (overdue_base_days > 0 OR penalty > 0)
            AND loan_id BETWEEN %(first_id)s AND %(last_id)s
          OFFSET 0) i
    JOIN repayment_loan loan ON loan.id = i.loan_id
    JOIN rule ON rule.terms_id = loan.terms_id
) bill
WHERE bill.penalty <> bill.grown AND NOT (bill.has_waiving_grace AND bill.penalty = 0)
ORDER BY 1
