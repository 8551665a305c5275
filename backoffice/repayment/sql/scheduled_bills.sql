-- The bills of some due dates as they were scheduled, of the loans a configuration is for: the past days of a simulation.
--
-- Why SQL: a month has as many bills as the book has loans.
-- Inputs   %(portfolio)s; %(product)s (NULL: all); %(funder)s ('': all); %(first)s and %(last)s due dates, %(first_id)s and
--          %(last_id)s loans, all included.
-- Outputs  loan, borrower, product (0: none), creditor, currency, terms, bill number, due date; principal, interest, fee and
--          guarantee fee as scheduled (major units).
SELECT loan.id, loan.borrower_id, coalesce(product.product_id, 0), loan.creditor, loan.currency, loan.terms_id,
       bill.number, bill.due_date, bill.principal, bill.interest, bill.fee, bill.guarantee_fee
FROM repayment_loan loan
LEFT JOIN repayment_productversion product ON product.id = loan.product_version_id
JOIN repayment_installment bill ON bill.loan_id = loan.id AND bill.to_version IS NULL
    AND bill.due_date BETWEEN %(first)s AND %(last)s
WHERE loan.id BETWEEN %(first_id)s AND %(last_id)s AND loan.portfolio = %(portfolio)s AND loan.status <> 'charged_off'
  AND (%(product)s::bigint IS NULL OR product.product_id = %(product)s)
  AND (%(funder)s = '' OR loan.creditor = %(funder)s)
  AND bill.principal + bill.interest + bill.fee + bill.guarantee_fee > 0
ORDER BY loan.id, bill.number
