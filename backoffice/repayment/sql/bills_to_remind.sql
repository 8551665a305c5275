-- The bills of some due dates on which anything is left, of active loans in an id range, for the reminder plans.
--
-- Why SQL: a day's plan reads tens of thousands of loans. A bill still to come is found by the loan's next transition,
-- which is its due date while nothing is past due; a bill past due by the loan's oldest unpaid one, once the days of
-- tolerance are over and the loan has left the first bucket of its terms. A loan in arrears is written to about its
-- arrears alone. Money held for the borrower pays the bill when it falls due: nobody is asked for it again.
-- Inputs   %(days)s due dates; %(day)s the day the messages leave; %(first_id)s, %(last_id)s.
-- Outputs  loan, its number, borrower, portfolio, due date, left to pay of the bill, left of all that is past due, currency,
--          language, time zone of the borrower or, unknown, the first of their most certain phone, country.
SELECT loan.id, loan.external_id, loan.borrower_id, loan.portfolio, bill.due_date,
       left_over.amount, loan.overdue_amount, loan.currency, borrower.language,
       coalesce(nullif(borrower.time_zone, ''), (
           SELECT point.time_zones[1] FROM customers_contactpoint point
           WHERE point.borrower_id = loan.borrower_id AND point.ended_at IS NULL AND cardinality(point.time_zones) > 0
           ORDER BY cardinality(point.time_zones), point.id LIMIT 1
       ), ''), borrower.country
FROM (
    SELECT id, next_transition_date AS due_date FROM repayment_loan
    WHERE next_transition_date = ANY(%(days)s) AND next_transition_date >= %(day)s
      AND (oldest_unpaid_due_date IS NULL OR oldest_unpaid_due_date >= %(day)s)
      AND id BETWEEN %(first_id)s AND %(last_id)s
    UNION
    SELECT late.id, late.oldest_unpaid_due_date FROM repayment_loan late
    JOIN repayment_loanterms terms ON terms.id = late.terms_id
    WHERE late.overdue_amount > 0 AND late.oldest_unpaid_due_date = ANY(%(days)s)
      AND late.oldest_unpaid_due_date < %(day)s AND late.bucket <> terms.terms #>> '{bands,0,code}'
      AND late.id BETWEEN %(first_id)s AND %(last_id)s
) due
JOIN repayment_loan loan ON loan.id = due.id AND loan.status = 'active'
JOIN repayment_installment bill ON bill.loan_id = due.id AND bill.due_date = due.due_date
    AND bill.to_version IS NULL AND bill.settled_on IS NULL
CROSS JOIN LATERAL (
    SELECT (bill.principal + bill.interest + bill.fee + bill.guarantee_fee + bill.penalty)
           - (bill.principal_paid + bill.interest_paid + bill.fee_paid + bill.guarantee_fee_paid + bill.penalty_paid)
           - (bill.principal_waived + bill.interest_waived + bill.fee_waived + bill.guarantee_fee_waived
              + bill.penalty_waived)
           - loan.suspense AS amount
) left_over
JOIN customers_borrower borrower ON borrower.id = loan.borrower_id
WHERE left_over.amount > 0
ORDER BY loan.id
