-- Compares each operation that moves cash with the cash its transfers moved; a reversed operation must have moved none.
--
-- Why SQL: it reads every operation and its transfers.
-- Inputs   %(first_id)s, %(last_id)s loan ids (the caller may put named loans in their place).
-- Outputs  loan id, name of the check, what the transfers say, what the operation says; only where they differ.
WITH moved AS (
    SELECT operation_id,
           sum(CASE WHEN debit = 'cash' THEN amount WHEN credit = 'cash' THEN -amount ELSE 0 END) AS cash
    FROM repayment_transfer
    WHERE operation_id IS NOT NULL AND (debit = 'cash' OR credit = 'cash')
      AND loan_id BETWEEN %(first_id)s AND %(last_id)s
    GROUP BY operation_id
), undone AS (
    SELECT reverses_id FROM repayment_operation
    WHERE reverses_id IS NOT NULL AND loan_id BETWEEN %(first_id)s AND %(last_id)s
)
SELECT operation.loan_id, 'cash of ' || operation.kind || ' ' || operation.id || ' is its amount',
       coalesce(moved.cash, 0)::text, expected.cash::text
FROM (SELECT * FROM repayment_operation
      WHERE kind IN ('payment', 'payoff', 'refund') AND loan_id BETWEEN %(first_id)s AND %(last_id)s) operation
LEFT JOIN moved ON moved.operation_id = operation.id
LEFT JOIN undone ON undone.reverses_id = operation.id
CROSS JOIN LATERAL (
    SELECT CASE WHEN undone.reverses_id IS NOT NULL THEN 0
                WHEN operation.kind = 'refund' THEN -operation.amount
                ELSE operation.amount END AS cash
) expected
WHERE coalesce(moved.cash, 0) <> expected.cash
ORDER BY operation.loan_id, operation.id
