-- Payments that borrowers set off by a link on some days, and the bills due on those days that they settled. metrics M30.
--
-- Why SQL: a month has millions of bills. An order counts as long as it was set off, whatever became of it, and as a success
-- once the money came, though it was returned later. A bill was settled by its user when the last payment on it was no
-- debit of the lender's: a link, a transfer, the counter.
-- Inputs   %(from_day)s, %(through_day)s; %(portfolios)s the portfolios to look at, NULL for all.
-- Outputs  orders, of them succeeded, bills due, of them settled by the user.
WITH orders AS (
    SELECT count(*) AS made, count(*) FILTER (WHERE command.state IN ('succeeded', 'returned')) AS succeeded
    FROM repayment_debitcommand command JOIN repayment_loan loan ON loan.id = command.loan_id
    WHERE command.purpose = 'active' AND command.day BETWEEN %(from_day)s AND %(through_day)s
      AND (%(portfolios)s::text[] IS NULL OR loan.portfolio = ANY(%(portfolios)s))
), bills AS (
    SELECT count(*) AS due, count(*) FILTER (WHERE last.operation_id IS NOT NULL AND NOT last.is_debit) AS settled
    FROM repayment_installment bill
    JOIN repayment_loan loan ON loan.id = bill.loan_id
    LEFT JOIN LATERAL (
        SELECT transfer.operation_id, EXISTS (
            SELECT 1 FROM repayment_debitcommand command
            WHERE command.loan_id = bill.loan_id AND command.operation_id = transfer.operation_id
              AND command.purpose = 'debit'
        ) AS is_debit
        FROM repayment_transfer transfer
        JOIN repayment_operation operation ON operation.id = transfer.operation_id AND operation.kind = 'payment'
        WHERE bill.settled_on IS NOT NULL AND transfer.loan_id = bill.loan_id
          AND transfer.installment_number = bill.number AND transfer.reverses_id IS NULL
          AND NOT EXISTS (SELECT 1 FROM repayment_transfer undone WHERE undone.reverses_id = transfer.id)
        ORDER BY transfer.id DESC LIMIT 1
    ) last ON true
    WHERE bill.due_date BETWEEN %(from_day)s AND %(through_day)s AND bill.to_version IS NULL
      AND (%(portfolios)s::text[] IS NULL OR loan.portfolio = ANY(%(portfolios)s))
)
SELECT orders.made, orders.succeeded, bills.due, bills.settled FROM orders, bills
