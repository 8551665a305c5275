-- What is left of some bills and of all that is past due of their loans, for the messages planned about them.
--
-- Why SQL: it runs in the transaction that posts the money, for one loan as for a file of a hundred thousand.
-- Inputs   %(loan_ids)s and %(due_dates)s side by side.
-- Outputs  loan, due date, left to pay of the bill (what is held for the borrower pays it first), left of all that is past due, currency.
SELECT bill.loan_id, bill.due_date,
       sum((bill.principal + bill.interest + bill.fee + bill.guarantee_fee + bill.penalty)
           - (bill.principal_paid + bill.interest_paid + bill.fee_paid + bill.guarantee_fee_paid + bill.penalty_paid)
           - (bill.principal_waived + bill.interest_waived + bill.fee_waived + bill.guarantee_fee_waived
              + bill.penalty_waived)) - loan.suspense,
       loan.overdue_amount, loan.currency
FROM unnest(%(loan_ids)s::bigint[], %(due_dates)s::date[]) AS asked (loan_id, due_date)
JOIN repayment_loan loan ON loan.id = asked.loan_id
JOIN repayment_installment bill ON bill.loan_id = asked.loan_id AND bill.due_date = asked.due_date
    AND bill.to_version IS NULL AND bill.settled_on IS NULL
GROUP BY bill.loan_id, bill.due_date, loan.suspense, loan.overdue_amount, loan.currency
