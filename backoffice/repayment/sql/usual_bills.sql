-- The usual bill of the loans a configuration is for, by currency: the median of what falls due between two days.
--
-- Why SQL: a portfolio has a million bills to come.
-- Inputs   %(portfolio)s; %(product)s (NULL: all); %(funder)s ('': all); %(first)s and %(last)s due dates, both included.
-- Outputs  currency, median of the scheduled amounts (major units).
SELECT loan.currency,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY bill.principal + bill.interest + bill.fee + bill.guarantee_fee)
FROM repayment_loan loan
LEFT JOIN repayment_productversion product ON product.id = loan.product_version_id
JOIN repayment_installment bill ON bill.loan_id = loan.id AND bill.to_version IS NULL
    AND bill.settled_on IS NULL AND bill.due_date BETWEEN %(first)s AND %(last)s
WHERE loan.portfolio = %(portfolio)s AND loan.status = 'active'
  AND (%(product)s::bigint IS NULL OR product.product_id = %(product)s)
  AND (%(funder)s = '' OR loan.creditor = %(funder)s)
GROUP BY loan.currency
ORDER BY loan.currency
