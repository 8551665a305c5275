-- What was learnt of a bill on its last day and counts on this one: how often there was not enough or too little room, and the
-- agreements it was refused on for a reason that does not pass by itself.
--
-- Why SQL: read for each bill that is planned, and for each of a simulation. Included where "bill" is a row of loan_id,
-- installment_number, from_version and due_date; a bill has earlier days since it was due.
-- Inputs   %(day)s; %(passing)s families of codes that pass.
-- Outputs  tries without funds, tries over a limit, agreements (NULL: none); no row: it has no earlier day.
SELECT past.tries_without_funds, past.tries_over_limit, CASE WHEN past.skipped_mandates <> '[]' THEN (
           SELECT jsonb_agg(skipped.id) FROM jsonb_array_elements(past.skipped_mandates) AS skipped (id)
           WHERE EXISTS (
               SELECT 1 FROM repayment_debitcommand refused
               WHERE refused.loan_id = past.loan_id AND refused.installment_number = past.installment_number
                 AND refused.from_version = past.from_version AND refused.mandate_id = skipped.id::bigint
                 AND refused.state IN ('declined', 'returned') AND refused.family <> ALL(%(passing)s)
           )) END AS skipped
FROM repayment_debitbill past
WHERE bill.due_date < %(day)s AND past.loan_id = bill.loan_id AND past.day >= bill.due_date AND past.day < %(day)s
  AND past.installment_number = bill.installment_number AND past.from_version = bill.from_version
ORDER BY past.day DESC LIMIT 1
