-- Writes planned messages and the first step of their journeys; a key that is there already is passed over.
-- In: arrays of equal length, one element a message, and who plans. Out: how many messages were new.
-- Why SQL: a night plans a million; the rows, their ids and their first moves are one statement.
WITH fresh AS (
    SELECT * FROM unnest(
        %(key)s::text[], %(wire_id)s::uuid[], %(borrower_id)s::bigint[], %(loan_id)s::bigint[], %(channel)s::text[],
        %(purpose)s::text[], %(template_version_id)s::bigint[], %(endpoint_id)s::bigint[], %(variables)s::bytea[],
        %(send_after)s::timestamptz[], %(send_before)s::timestamptz[], %(about_due_date)s::date[], %(source)s::text[],
        %(fallback)s::text[], %(follows_id)s::bigint[]
    ) AS given (
        key, wire_id, borrower_id, loan_id, channel, purpose, template_version_id, endpoint_id, variables, send_after,
        send_before, about_due_date, source, fallback, follows_id
    )
), written AS (
    INSERT INTO outreach_message (
        key, wire_id, borrower_id, loan_id, channel, purpose, template_version_id, endpoint_id, variables, send_after,
        send_before, about_due_date, source, fallback, follows_id,
        state, code, gateway_reference, currency, tries, looks
    )
    SELECT key, wire_id, borrower_id, loan_id, channel, purpose, template_version_id, endpoint_id, variables, send_after,
           send_before, about_due_date, source, string_to_array(fallback, ','), follows_id,
           'planned', '', '', '', 0, 0
    FROM fresh
    ON CONFLICT (key) DO NOTHING
    RETURNING id, created_at
), journeys AS (
    INSERT INTO outreach_messagemove (message_id, from_state, to_state, code, detail, actor_id, actor_name, at)
    SELECT id, '', 'planned', '', '', %(actor_id)s, %(actor_name)s, created_at FROM written
)
SELECT count(*) FROM written
