-- Stops what is planned about bills that are owed no more, with the step of each journey, in one statement.
-- In: arrays of loans and of the oldest due date each still owes anything of (NULL: nothing). Out: how many stopped.
-- Why SQL: it runs in the transaction that posts the money, for one loan as for a file of a hundred thousand.
WITH paid AS (
    SELECT * FROM unnest(%(loan_ids)s::bigint[], %(oldest)s::date[]) AS given (loan_id, oldest)
), moot AS (
    SELECT message.id
    FROM paid
    JOIN outreach_message message ON message.loan_id = paid.loan_id
    WHERE message.state = 'planned' AND message.about_due_date IS NOT NULL
      AND (paid.oldest IS NULL OR paid.oldest > message.about_due_date)
    ORDER BY message.id
    FOR UPDATE OF message
), stopped AS (
    UPDATE outreach_message message
    SET state = 'stopped', code = 'paid', moved_at = now(), lease_until = NULL
    FROM moot
    WHERE message.id = moot.id AND message.state = 'planned'
    RETURNING message.id
), journeys AS (
    INSERT INTO outreach_messagemove (message_id, from_state, to_state, code, detail, actor_name, at)
    SELECT id, 'planned', 'stopped', 'paid', '', 'system', now() FROM stopped
)
SELECT count(*) FROM stopped
