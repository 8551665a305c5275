-- The open bills of a version's day that a slot tries, each with the agreement to debit and the number of the attempt.
--
-- Why SQL: a slot may have 200,000 bills. A bill is tried that has had fewer attempts than a day allows, the last of them
-- (on whatever day) answered long enough ago, with nothing under way for it or in flight on its loan, and no stop on its
-- loan. Of the borrower's active agreements over the version's rails, those this bill was not refused on come in the
-- order the version says, over rails that are not paused first: what is built over a paused one waits for it.
-- Inputs   %(version_id)s, %(day)s, %(currency)s; %(most)s attempts a day; %(quiet_since)s, when the last one must have
--          been answered; %(rails)s codes in their order; %(order)s priority | newest | last_success; %(each)s whether each
--          bill of a loan is tried for itself, or one stands for all that is due.
-- Outputs  bill id, loan, borrower, bill number, schedule version, number of the next attempt over the bill's life, what is
--          left of it, mandate (empty: none is left), rail; what else the forecast needs: the amount planned, tries
--          refused for want of funds and over a limit, what is past due and what is held on the loan, whether the
--          agreement lets a part be debited. The longest due comes first, over all loans of a borrower: it is asked for first.
SELECT bill.id, bill.loan_id, bill.borrower_id, bill.installment_number, bill.from_version,
       1 + (SELECT count(*) FROM repayment_debitcommand past
            WHERE past.loan_id = bill.loan_id AND past.installment_number = bill.installment_number
              AND past.from_version = bill.from_version AND past.purpose = 'debit'),
       bill.amount - bill.debited, mandate.id, mandate.rail_id, bill.amount, bill.tries_without_funds,
       bill.tries_over_limit, loan.overdue_amount, loan.suspense, mandate.allows_partial
FROM repayment_debitbill bill
JOIN repayment_loan loan ON loan.id = bill.loan_id
LEFT JOIN LATERAL (
    -- include mandate_to_debit.sql
) mandate ON true
WHERE bill.version_id = %(version_id)s AND bill.day = %(day)s AND bill.state = 'open' AND bill.currency = %(currency)s
  AND bill.attempts < %(most)s AND bill.amount > bill.debited
  AND NOT EXISTS (
      SELECT 1 FROM repayment_debitcommand busy
      WHERE busy.loan_id = bill.loan_id AND (
          busy.state IN ('submitted', 'unknown') OR (busy.bill_id = bill.id AND busy.state = 'planned')
          OR (busy.purpose = 'debit' AND busy.answered_at > %(quiet_since)s
              AND (NOT %(each)s OR (busy.installment_number = bill.installment_number
                                    AND busy.from_version = bill.from_version)))))
  AND NOT EXISTS (
      SELECT 1 FROM repayment_debitstop stop
      WHERE stop.loan_id = bill.loan_id AND stop.ended_at IS NULL AND (stop.until IS NULL OR stop.until > %(day)s))
ORDER BY CASE WHEN %(each)s THEN bill.due_date ELSE least(bill.due_date, loan.oldest_unpaid_due_date) END,
         bill.loan_id, bill.installment_number, bill.id
