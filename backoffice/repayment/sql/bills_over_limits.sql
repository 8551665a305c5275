-- How many of the bills a configuration is for lie over everything their borrower's agreements, banks and rails allow in one debit.
--
-- Why SQL: a portfolio has a million bills to come. A bill is looked at when its borrower has an agreement on one of the rails;
-- the one that allows most counts. Where the contract allows partial debits the first share alone is asked for.
-- Inputs   %(portfolio)s; %(product)s (NULL: all); %(funder)s ('': all); %(first)s and %(last)s due dates, both included;
--          %(on)s the day whose limits count; %(rails)s codes; %(first_share)s of 1.
-- Outputs  currency, bills, bills over every limit.
WITH bank_limit AS (
    SELECT DISTINCT ON (rail_id, bank, currency) rail_id, bank, currency, single, day, month
    FROM repayment_banklimit WHERE effective_from <= %(on)s
    ORDER BY rail_id, bank, currency, effective_from DESC
), agreement AS (
    SELECT mandate.borrower_id, mandate.currency,
           least(mandate.single_limit, mandate.day_limit, mandate.month_limit,
                 coalesce(own.single, every.single), coalesce(own.day, every.day), coalesce(own.month, every.month))
           / CASE WHEN mandate.allows_partial THEN %(first_share)s::numeric ELSE 1 END AS most
    FROM repayment_mandate mandate
    JOIN repayment_rail rail ON rail.id = mandate.rail_id AND rail.code = ANY(%(rails)s)
    LEFT JOIN bank_limit own
        ON own.rail_id = mandate.rail_id AND own.bank = mandate.bank AND own.currency = mandate.currency
    LEFT JOIN bank_limit every ON every.rail_id = mandate.rail_id AND every.bank = ''
        AND every.currency = mandate.currency AND own.rail_id IS NULL
    WHERE mandate.state = 'active' AND (mandate.valid_through IS NULL OR mandate.valid_through >= %(on)s)
), room AS (
    SELECT borrower_id, currency, CASE WHEN bool_or(most IS NULL) THEN NULL ELSE max(most) END AS most
    FROM agreement GROUP BY borrower_id, currency
)
SELECT loan.currency, count(*),
       count(*) FILTER (WHERE bill.principal + bill.interest + bill.fee + bill.guarantee_fee > room.most)
FROM repayment_loan loan
LEFT JOIN repayment_productversion product ON product.id = loan.product_version_id
JOIN room ON room.borrower_id = loan.borrower_id AND room.currency = loan.currency
JOIN repayment_installment bill ON bill.loan_id = loan.id AND bill.to_version IS NULL
    AND bill.settled_on IS NULL AND bill.due_date BETWEEN %(first)s AND %(last)s
WHERE loan.portfolio = %(portfolio)s AND loan.status = 'active'
  AND (%(product)s::bigint IS NULL OR product.product_id = %(product)s)
  AND (%(funder)s = '' OR loan.creditor = %(funder)s)
GROUP BY loan.currency
ORDER BY loan.currency
