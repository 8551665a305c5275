-- Adds the next link to a borrower's contact log: a fact about an attempt, or a contact that was made already.
-- The caller holds the borrower's lock, under which the moment it is recorded at is read. The text that is hashed is `domain.chain.text_of`.
WITH link AS (
    SELECT nextval('outreach_contactentry_id_seq') AS id, coalesce(last.sequence, 0) + 1 AS sequence,
           coalesce(last.hash, ''::bytea) AS previous_hash, clock_timestamp() AS recorded_at
    FROM (SELECT) one
    LEFT JOIN LATERAL (
        SELECT sequence, hash FROM outreach_contactentry
        WHERE borrower_id = %(borrower_id)s::bigint ORDER BY sequence DESC LIMIT 1
    ) last ON true
)
INSERT INTO outreach_contactentry (
    id, borrower_id, sequence, kind, attempt_id, channel, purpose, direction, actor_scope, party, endpoint_id, loan_ids,
    code, message_id, packs, actor_id, actor_name, at, recorded_at, previous_hash, hash
)
SELECT id, %(borrower_id)s::bigint, sequence, %(kind)s::text, %(attempt_id)s::bigint, %(channel)s::text,
       %(purpose)s::text, %(direction)s::text, %(actor_scope)s::text, %(party)s::text, %(endpoint_id)s::bigint,
       %(loan_ids)s::bigint[], %(code)s::text, %(message_id)s::bigint, '', %(actor_id)s::bigint, %(actor_name)s::text,
       %(at)s::timestamptz, recorded_at, previous_hash,
       sha256(previous_hash || convert_to(concat_ws(
           E'\x1f', id, %(borrower_id)s::bigint, sequence, %(kind)s::text,
           coalesce(%(attempt_id)s::bigint::text, ''), %(channel)s::text, %(purpose)s::text, %(direction)s::text,
           %(actor_scope)s::text, %(party)s::text, coalesce(%(endpoint_id)s::bigint::text, ''),
           array_to_string(%(loan_ids)s::bigint[], ','), %(code)s::text, coalesce(%(message_id)s::bigint::text, ''), '',
           coalesce(%(actor_id)s::bigint::text, ''), %(actor_name)s::text,
           (extract(epoch FROM %(at)s::timestamptz) * 1000000)::bigint, (extract(epoch FROM recorded_at) * 1000000)::bigint
       ), 'UTF8'))
FROM link
RETURNING id
