-- Compares a funder's or guarantor's file of a day with what our splits say it was paid, by order, component and movement;
-- a guarantor's also with what it paid for claims (a debit) and got back of them (a return), by the number of the claim.
--
-- Why SQL: every line of the file meets the sum of its split lines. Its oracle in the tests adds up in Python.
-- Inputs   %(payee)s id, %(day)s date.
-- Outputs  row kind ('order' or 'total'), order number, component, movement, outcome ('matched' or 'payee'), why,
--          command id, line id, our sum, their amount, currency, count. Amounts are positive; a 'total' adds up one
--          component, movement, outcome and currency.
WITH theirs AS MATERIALIZED (
    SELECT line.* FROM repayment_settlementfile AS file
    JOIN repayment_settlementline AS line ON line.file_id = file.id
    WHERE file.payee_id = %(payee)s AND file.day = %(day)s::date
), ours AS MATERIALIZED (
    SELECT command.id, command.order_no, split.component, CASE WHEN split.amount > 0 THEN 'debit' ELSE 'return' END AS kind,
           abs(sum(split.amount)) AS amount, min(split.currency) AS currency, min(loan.external_id) AS loan,
           min(command.installment_number) AS period, min(command.from_version) AS plan_version
    FROM repayment_splitline AS split
    JOIN repayment_debitcommand AS command ON command.id = split.command_id
    JOIN repayment_loan AS loan ON loan.id = command.loan_id
    WHERE split.payee_id = %(payee)s AND split.day = %(day)s::date
    GROUP BY command.id, split.component, split.amount > 0
    UNION ALL
    SELECT NULL, claim.number, part.component, part.kind, part.amount, claim.currency, loan.external_id,
           coalesce(claim.installment_number, 0), claim.plan_version
    FROM repayment_claim AS claim
    JOIN repayment_loan AS loan ON loan.id = claim.loan_id
    LEFT JOIN repayment_claimreturn AS back ON back.claim_id = claim.id
    CROSS JOIN LATERAL (VALUES
        ('principal', 'debit', claim.principal, claim.transferred_on), ('interest', 'debit', claim.interest, claim.transferred_on),
        ('penalty', 'debit', claim.penalty, claim.transferred_on), ('principal', 'return', back.principal, back.returned_on),
        ('interest', 'return', back.interest, back.returned_on), ('penalty', 'return', back.penalty, back.returned_on)
    ) AS part (component, kind, amount, day)
    WHERE claim.guarantor_id = %(payee)s AND claim.state IN ('transferred', 'matched') AND part.amount > 0
      AND part.day = %(day)s::date
), judged AS MATERIALIZED (
    SELECT order_no, component, kind AS movement, ours.id AS command_id, theirs.id AS line_id, ours.amount AS ours,
           theirs.amount AS theirs, coalesce(theirs.currency, ours.currency) AS currency,
           CASE
               WHEN theirs.id IS NULL THEN 'absent'
               WHEN ours.amount IS NULL THEN 'no_order'
               WHEN ours.currency <> theirs.currency THEN 'currency'
               WHEN ours.amount <> theirs.amount THEN 'amount'
               WHEN ours.loan <> theirs.loan THEN 'loan'
               WHEN ours.period <> theirs.period THEN 'period'
               WHEN ours.plan_version <> theirs.plan_version THEN 'plan_version'
               ELSE ''
           END AS why
    FROM ours FULL JOIN theirs USING (order_no, component, kind)
)
SELECT 'order' AS row_kind, order_no, component, movement, 'payee' AS outcome, why, command_id, line_id, ours, theirs,
       currency, 1 AS count
FROM judged WHERE why <> ''
UNION ALL
SELECT 'total', '', component, movement, CASE WHEN why = '' THEN 'matched' ELSE 'payee' END, '', NULL, NULL, sum(ours),
       sum(theirs), currency, count(*)
FROM judged GROUP BY component, movement, why = '', currency
ORDER BY 1, 2, 3, 4, 5
