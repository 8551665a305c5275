-- The active agreements of the borrowers of a configuration's loans, with what agreement, bank and channel allow in one debit.
--
-- Why SQL: as many rows as borrowers. The latest limit of a bank and rail whose day has come counts; a bank without a row of
-- its own has that of every bank (`bank` empty).
-- Inputs   %(portfolio)s; %(day)s.
-- Outputs  borrower, agreement, rail, currency, order, day of its last success, limits of one debit, of a day and of a month (major units).
WITH bank_limit AS (
    SELECT DISTINCT ON (rail_id, bank, currency) rail_id, bank, currency, single, day, month
    FROM repayment_banklimit WHERE effective_from <= %(day)s
    ORDER BY rail_id, bank, currency, effective_from DESC
), success AS (
    SELECT mandate_id, max(succeeded_at)::date AS last_on FROM repayment_debitcommand
    WHERE state = 'succeeded' GROUP BY mandate_id
)
SELECT mandate.borrower_id, mandate.id, rail.code, mandate.currency, mandate.priority, success.last_on,
       least(mandate.single_limit, coalesce(own.single, every.single)),
       least(mandate.day_limit, coalesce(own.day, every.day)),
       least(mandate.month_limit, coalesce(own.month, every.month))
FROM repayment_mandate mandate
JOIN repayment_rail rail ON rail.id = mandate.rail_id
LEFT JOIN bank_limit own ON own.rail_id = mandate.rail_id AND own.bank = mandate.bank AND own.currency = mandate.currency
LEFT JOIN bank_limit every ON every.rail_id = mandate.rail_id AND every.bank = '' AND every.currency = mandate.currency
    AND own.rail_id IS NULL
LEFT JOIN success ON success.mandate_id = mandate.id
WHERE mandate.state = 'active' AND (mandate.valid_through IS NULL OR mandate.valid_through >= %(day)s)
  AND EXISTS (SELECT 1 FROM repayment_loan loan
              WHERE loan.borrower_id = mandate.borrower_id AND loan.portfolio = %(portfolio)s)
