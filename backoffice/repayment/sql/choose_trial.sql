-- The loans a version is tried on: a share of those with a bill to try in the days of the trial, or a number, whichever is less.
--
-- Why SQL: a portfolio has a million loans, of which fifty are chosen. The pick is even and the same whenever it is made.
-- Inputs   %(version)s; %(portfolio)s; %(product)s (NULL: all); %(funder)s ('': all); %(first)s and %(last)s day of the trial;
--          %(share)s of 1; %(most)s loans (NULL: no such bound).
-- Outputs  rows of repayment_canaryloan.
WITH candidate AS (
    SELECT loan.id, row_number() OVER (ORDER BY md5(%(version)s || ':' || loan.id)) AS place, count(*) OVER () AS of_all
    FROM repayment_loan loan
    LEFT JOIN repayment_productversion product ON product.id = loan.product_version_id
    WHERE loan.portfolio = %(portfolio)s AND loan.status = 'active'
      AND (%(product)s::bigint IS NULL OR product.product_id = %(product)s)
      AND (%(funder)s = '' OR loan.creditor = %(funder)s)
      AND (loan.overdue_amount > 0 OR loan.next_transition_date BETWEEN %(first)s AND %(last)s)
      AND EXISTS (SELECT 1 FROM repayment_mandate mandate
                  WHERE mandate.borrower_id = loan.borrower_id AND mandate.state = 'active'
                    AND mandate.currency = loan.currency)
)
INSERT INTO repayment_canaryloan (version_id, loan_id)
SELECT %(version)s, id FROM candidate
WHERE place <= ceil(of_all * %(share)s) AND (%(most)s::int IS NULL OR place <= %(most)s)
ON CONFLICT DO NOTHING
