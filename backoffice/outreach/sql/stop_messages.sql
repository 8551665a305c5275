-- Stops what is planned for some borrowers, for some loans, from one source or of one version of a template, with the
-- step of each journey, in one statement.
-- In: the ids (NULL: not by them), the code and who. Out: how many stopped. Why SQL: a hold over a region is one call.
WITH unwanted AS (
    SELECT id FROM outreach_message
    WHERE state = 'planned'
      AND (%(borrower_ids)s::bigint[] IS NULL OR borrower_id = ANY(%(borrower_ids)s::bigint[]))
      AND (%(loan_ids)s::bigint[] IS NULL OR loan_id = ANY(%(loan_ids)s::bigint[]))
      AND (%(message_ids)s::bigint[] IS NULL OR id = ANY(%(message_ids)s::bigint[]))
      AND (%(template_version_id)s::bigint IS NULL OR template_version_id = %(template_version_id)s::bigint)
      AND (%(source)s::text IS NULL OR source = %(source)s::text)
    ORDER BY id
    FOR UPDATE
), stopped AS (
    UPDATE outreach_message message
    SET state = 'stopped', code = %(code)s, moved_at = now(), lease_until = NULL
    FROM unwanted
    WHERE message.id = unwanted.id AND message.state = 'planned'
    RETURNING message.id
), journeys AS (
    INSERT INTO outreach_messagemove (message_id, from_state, to_state, code, detail, actor_id, actor_name, at)
    SELECT id, 'planned', 'stopped', %(code)s, %(detail)s, %(actor_id)s, %(actor_name)s, now() FROM stopped
)
SELECT count(*) FROM stopped
