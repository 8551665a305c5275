-- What the debits of some days came to, cut by one thing: the counts behind the four success rates (metrics M31, 1.8-B).
--
-- Why SQL: a day may have 200,000 commands. Only commands that were handed to a rail count, and only their bills. A bill
-- stands in every part its commands stand in (it was tried there) and is settled in the part of the command that
-- settled it, so commands and amounts debited of the parts add up to the whole, bills do not.
-- Inputs   %(from_day)s, %(through_day)s; %(versions)s ids of the versions looked at; %(cut)s: '', 'batch', 'slot', 'bank',
--          'rail', 'funder' or 'family'; %(first_day)s: whether only bills on the first day they are tried count,
--          which is their due date or the working day it was moved to.
-- Outputs  part, currency, bills submitted, settled by debit, commands, succeeded, bills whose first command
--          succeeded, bills whose first command is in the part, amount submitted, amount debited (major units).
WITH submitted AS (
    SELECT command.id, command.bill_id, command.currency, command.amount, command.state = 'succeeded' AS has_succeeded,
           bill.amount AS due, bill.state = 'settled' AS is_settled,
           CASE %(cut)s::text
               WHEN 'batch' THEN command.batch_id::text
               WHEN 'slot' THEN batch.slot
               WHEN 'bank' THEN mandate.bank
               WHEN 'rail' THEN rail.code
               WHEN 'funder' THEN loan.creditor
               WHEN 'family' THEN command.family
               ELSE '' END AS part
    FROM repayment_debitbill bill
    JOIN repayment_debitcommand command ON command.bill_id = bill.id
    LEFT JOIN repayment_debitbatch batch ON %(cut)s::text = 'slot' AND batch.id = command.batch_id
    LEFT JOIN repayment_mandate mandate ON %(cut)s::text = 'bank' AND mandate.id = command.mandate_id
    LEFT JOIN repayment_rail rail ON %(cut)s::text = 'rail' AND rail.id = command.rail_id
    LEFT JOIN repayment_loan loan ON %(cut)s::text = 'funder' AND loan.id = command.loan_id
    WHERE bill.day BETWEEN %(from_day)s AND %(through_day)s
      AND command.day BETWEEN %(from_day)s AND %(through_day)s
      AND bill.version_id = ANY(%(versions)s)
      AND command.state IN ('submitted', 'unknown', 'succeeded', 'declined', 'returned')
      AND (NOT %(first_day)s OR NOT EXISTS (
          SELECT 1 FROM repayment_debitbill earlier
          WHERE earlier.loan_id = bill.loan_id AND earlier.day < bill.day
            AND earlier.installment_number = bill.installment_number AND earlier.from_version = bill.from_version))
), placed AS (
    SELECT submitted.*,
           id = min(id) OVER of_bill AS is_first,
           id = max(CASE WHEN has_succeeded THEN id END) OVER of_bill AS is_last_success
    FROM submitted WINDOW of_bill AS (PARTITION BY bill_id)
), tried AS (
    SELECT part, currency, bill_id, min(due) AS due, count(*) AS commands,
           count(*) FILTER (WHERE has_succeeded) AS succeeded,
           coalesce(bool_or(is_settled AND is_last_success), false) AS is_settled,
           bool_or(is_first) AS is_first_here, bool_or(is_first AND has_succeeded) AS is_first_success,
           coalesce(sum(amount) FILTER (WHERE has_succeeded), 0) AS debited
    FROM placed GROUP BY part, currency, bill_id
)
SELECT part, currency, count(*), count(*) FILTER (WHERE is_settled), sum(commands)::bigint, sum(succeeded)::bigint,
       count(*) FILTER (WHERE is_first_success), count(*) FILTER (WHERE is_first_here), sum(due), sum(debited)
FROM tried GROUP BY part, currency ORDER BY part, currency
