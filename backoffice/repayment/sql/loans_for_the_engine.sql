-- Due loans of an id range that cannot be closed by comparing dates, so the engine must close them one by one.
--
-- Why SQL: it only selects ids; the rule itself is in domain.replay.
-- Inputs   %(day)s the day being closed, %(first_id)s, %(last_id)s, %(is_month_end)s
-- Outputs  ids: left behind earlier, surplus to use, a hold on aging or penalty, or penalty to charge at a month end.
SELECT loan.id
FROM repayment_loan loan
WHERE loan.next_transition_date <= %(day)s AND loan.id BETWEEN %(first_id)s AND %(last_id)s
  AND (loan.next_transition_date < %(day)s
       OR loan.suspense > 0
       OR (%(is_month_end)s AND loan.status = 'active' AND loan.oldest_unpaid_due_date < %(day)s)
       OR EXISTS (SELECT FROM customers_hold hold
                  WHERE hold.borrower_id = loan.borrower_id AND hold.scope IN ('aging', 'penalty')))
ORDER BY loan.id
