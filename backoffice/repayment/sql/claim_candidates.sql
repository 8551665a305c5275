-- The loans of which a rule of a guarantor may claim something on a day; what exactly is worked out loan by loan.
--
-- Why SQL: it looks through every loan of a pool and gives the few whose bills are old enough.
-- Inputs   %(portfolio)s, %(product)s (0: all), %(funder)s, %(currency)s, %(is_whole)s, %(first_due)s and %(last_due)s
--          the due dates, both with it, that are claimed by that day.
-- Outputs  loan ids, in order. Not those a guarantor pays as a whole already.
SELECT loan.id
FROM repayment_loan AS loan
LEFT JOIN repayment_productversion AS version ON version.id = loan.product_version_id
WHERE loan.portfolio = %(portfolio)s AND loan.creditor = %(funder)s AND loan.currency = %(currency)s
  AND loan.status <> 'closed' AND (%(product)s = 0 OR version.product_id = %(product)s)
  AND loan.oldest_unpaid_due_date <= %(last_due)s::date
  AND CASE WHEN %(is_whole)s THEN loan.oldest_unpaid_due_date >= %(first_due)s::date
      ELSE EXISTS (
          SELECT 1 FROM repayment_installment AS bill
          WHERE bill.loan_id = loan.id AND bill.to_version IS NULL AND bill.settled_on IS NULL
            AND bill.due_date BETWEEN %(first_due)s::date AND %(last_due)s::date)
      END
  AND NOT EXISTS (
      SELECT 1 FROM repayment_claim AS claim
      WHERE claim.loan_id = loan.id AND claim.installment_number IS NULL AND claim.state <> 'dropped')
ORDER BY loan.id
