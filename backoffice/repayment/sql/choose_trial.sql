-- The loans a version is tried on: of those it would debit, a share, a number, or whichever of both is less.
--
-- Why SQL: a portfolio has a million loans, of which fifty are chosen. The pick is even and the same whenever it is made.
-- Inputs   %(version)s; %(loans)s ids of the loans with a bill it would try; %(rails)s codes, over which their borrower needs an
--          agreement on %(first)s; %(share)s of 1 (0: the number alone counts); %(most)s loans (NULL: no such bound).
-- Outputs  rows of repayment_canaryloan.
WITH candidate AS (
    SELECT loan.id, row_number() OVER (ORDER BY md5(%(version)s || ':' || loan.id)) AS place, count(*) OVER () AS of_all
    FROM repayment_loan loan
    WHERE loan.id = ANY(%(loans)s::bigint[])
      AND EXISTS (SELECT 1 FROM repayment_mandate mandate
                  JOIN repayment_rail rail ON rail.id = mandate.rail_id AND rail.code = ANY(%(rails)s)
                  WHERE mandate.borrower_id = loan.borrower_id AND mandate.state = 'active'
                    AND mandate.currency = loan.currency
                    AND (mandate.valid_through IS NULL OR mandate.valid_through >= %(first)s))
)
INSERT INTO repayment_canaryloan (version_id, loan_id)
SELECT %(version)s, id FROM candidate
WHERE (%(share)s = 0 OR place <= ceil(of_all * %(share)s)) AND (%(most)s::int IS NULL OR place <= %(most)s)
ON CONFLICT DO NOTHING
