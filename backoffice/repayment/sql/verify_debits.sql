-- Compares debits with the books: a success is booked with its amount, a return is taken back, payees get what came.
--
-- Why SQL: it reads every debit and its lines.
-- Inputs   %(first_id)s, %(last_id)s loan ids (the caller may put named loans in their place).
-- Outputs  loan id, name of the check, what the rows say, what is stored; only where they differ.
WITH debit AS (
    SELECT id, loan_id, order_no, state, amount, operation_id, version_id
    FROM repayment_debitcommand
    WHERE state IN ('succeeded', 'returned') AND NOT is_unplaced AND loan_id BETWEEN %(first_id)s AND %(last_id)s
), refunded AS (
    SELECT loan_id, sum(CASE debit WHEN 'suspense' THEN amount ELSE -amount END) AS amount
    FROM repayment_transfer
    WHERE kind = 'refund' AND loan_id BETWEEN %(first_id)s AND %(last_id)s
      AND loan_id IN (SELECT loan_id FROM debit)
    GROUP BY 1
), kept AS (
    SELECT debit.*, operation.amount AS booked, undone.id IS NOT NULL AS is_undone,
           coalesce(refunded.amount, 0) AS refunded,
           coalesce((SELECT sum(line.amount) FROM repayment_splitline line WHERE line.command_id = debit.id), 0) AS split
    FROM debit
    LEFT JOIN repayment_operation operation ON operation.id = debit.operation_id AND operation.loan_id = debit.loan_id
        AND operation.source = 'autopay' AND operation.external_id IN (debit.order_no, debit.order_no || ':corrected')
    LEFT JOIN repayment_operation undone ON undone.reverses_id = operation.id
    LEFT JOIN refunded ON refunded.loan_id = debit.loan_id
), whole AS (
    SELECT loan_id, sum(split) AS split, sum(CASE WHEN is_undone THEN 0 ELSE amount END) AS brought,
           max(refunded) AS refunded
    FROM kept WHERE version_id IS NOT NULL GROUP BY 1
)
SELECT loan_id, 'debit ' || order_no || ' is booked with its amount', amount::text, coalesce(booked, 0)::text
FROM kept WHERE booked IS DISTINCT FROM amount
UNION ALL
SELECT loan_id, 'debit ' || order_no || ' that was returned is taken back', 'taken back', 'stands'
FROM kept WHERE state = 'returned' AND NOT is_undone
UNION ALL
SELECT loan_id, 'debit ' || order_no || ' is split to the cent', CASE WHEN is_undone THEN '0.00' ELSE amount::text END, split::text
FROM kept
WHERE version_id IS NOT NULL AND split <> CASE WHEN is_undone THEN 0 ELSE amount END
  AND NOT (refunded > 0 AND split BETWEEN 0 AND amount AND NOT is_undone)
UNION ALL
-- What was paid back to the borrower was some debit's money, or a payment's that nobody splits.
SELECT loan_id, 'debits are split to the cent but for what was paid back', brought::text, split::text
FROM whole WHERE refunded > 0 AND NOT split BETWEEN brought - refunded AND brought
ORDER BY 1
