-- Planned reminders about these loans that do not leave while their borrower is being debited: they wait until somebody
-- has looked at what is owed again. Which ones is said by the step of the version in force on the day they leave for: a
-- step that does not name what stops it is stopped by everything.
-- In: an array of loans; the caller holds them. Out: how many wait from now on.
-- Why SQL: it runs in the transaction that lets two hundred debits out.
WITH about AS (
    SELECT message.id, coalesce(said.stops ? 'debit', true) AS waits
    FROM outreach_message message
    LEFT JOIN LATERAL (
        SELECT step -> 'stops' AS stops
        FROM outreach_reminderplanversion version, jsonb_array_elements(version.content -> 'steps') step
        WHERE version.plan_id = split_part(message.source, ':', 2)::bigint
          AND version.effective_from <= (message.send_after AT TIME ZONE %(zone)s)::date
          AND step ->> 'id' = split_part(message.key, ':', 3)
        ORDER BY version.number DESC LIMIT 1
    ) said ON true
    WHERE message.loan_id = ANY(%(loan_ids)s) AND message.state = 'planned' AND message.about_due_date IS NOT NULL
      AND NOT message.waits_for_facts AND message.source LIKE 'plan:%%'
    ORDER BY message.id
    FOR NO KEY UPDATE OF message
), kept AS (
    UPDATE outreach_message message SET waits_for_facts = true
    FROM about WHERE message.id = about.id AND about.waits AND message.state = 'planned'
    RETURNING message.id
)
SELECT count(*) FROM kept
