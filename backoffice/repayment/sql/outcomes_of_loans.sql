-- What borrowers taken into experiments did with their loans, and is not written down yet: paid on time, borrowed again.
-- In: experiments bigint[]; day date, the day that is closed; zone text, the lender's.
-- Out: borrower, metric's code, the day it happened on, key.
-- Paid on time: the bill the message is about that took the borrower in was settled by its due date, or the whole loan was,
-- which leaves no such bill; and within the window of the experiment. Told once that cannot change any more by what is
-- still to come: when the due date, or the window, is over; money that comes back from the bank before that takes it
-- back. Borrowed again: a loan was paid out within it.
WITH unit AS (
    SELECT exposure.borrower_id, exposure.message_key,
           (exposure.at AT TIME ZONE %(zone)s)::date AS since,
           (exposure.at AT TIME ZONE %(zone)s)::date + experiment.window_days AS until
    FROM outreach_experiment AS experiment
    JOIN outreach_exposure AS exposure ON exposure.experiment_id = experiment.id
    WHERE experiment.id = ANY(%(experiments)s::bigint[])
), done AS (
    SELECT unit.borrower_id, 'on_time' AS metric, settled."on",
           'on_time:' || message.loan_id || ':' || message.about_due_date || ':' || unit.borrower_id AS key
    FROM unit
    JOIN outreach_message AS message ON message.key = unit.message_key
    CROSS JOIN LATERAL (
        SELECT bill.settled_on AS "on" FROM repayment_installment AS bill
        WHERE bill.loan_id = message.loan_id AND bill.due_date = message.about_due_date AND bill.to_version IS NULL
        UNION
        SELECT loan.closed_on FROM repayment_loan AS loan WHERE loan.id = message.loan_id AND loan.status = 'closed'
        ORDER BY "on" LIMIT 1
    ) AS settled
    WHERE least(message.about_due_date + 1, unit.until) <= %(day)s::date + 1
      AND settled."on" >= unit.since AND settled."on" < unit.until
      AND settled."on" <= least(message.about_due_date, %(day)s::date)
    UNION
    SELECT unit.borrower_id, 'borrowed_again', loan.disbursed_on, 'borrowed_again:' || loan.id
    FROM unit
    JOIN repayment_loan AS loan ON loan.borrower_id = unit.borrower_id
    WHERE loan.disbursed_on >= unit.since AND loan.disbursed_on < unit.until AND loan.disbursed_on <= %(day)s::date
)
SELECT done.borrower_id, done.metric, done."on", done.key
FROM done
WHERE NOT EXISTS (SELECT FROM outreach_outcome AS known WHERE known.key = done.key)
ORDER BY done.key
