-- Follows gate.sql: writes what is not denied into the contact log, each borrower's next link of their chain.
-- One contact a borrower at a time; the borrower's lock is held since before this statement.
-- The moment it is recorded at is read under that lock, so that it tells what was written before it and what after.
-- The text that is hashed is `domain.chain.text_of`, written once more: the chain is proven in Python (verify_contacts).
, link AS (
    SELECT request.n, request.borrower_id, request.endpoint_id, request.at,
           coalesce(last.sequence, 0) + 1 AS sequence, coalesce(last.hash, ''::bytea) AS previous_hash,
           CASE WHEN request.loan_id IS NULL THEN '{}'::bigint[] ELSE ARRAY[request.loan_id] END AS loan_ids,
           nextval('outreach_contactentry_id_seq') AS id, clock_timestamp() AS recorded_at
    FROM request
    LEFT JOIN LATERAL (
        SELECT sequence, hash FROM outreach_contactentry
        WHERE borrower_id = request.borrower_id ORDER BY sequence DESC LIMIT 1
    ) last ON true
    WHERE NOT EXISTS (SELECT FROM denial WHERE denial.n = request.n)
), written AS (
    INSERT INTO outreach_contactentry (
        id, borrower_id, sequence, kind, attempt_id, channel, purpose, direction, actor_scope, party, endpoint_id, loan_ids,
        code, message_id, packs, actor_id, actor_name, at, recorded_at, previous_hash, hash
    )
    SELECT id, borrower_id, sequence, 'attempt', NULL, %(channel)s::text, %(purpose)s::text, 'out', %(actor_scope)s::text, %(party)s::text,
           endpoint_id, loan_ids, '', %(message_id)s::bigint, %(packs)s::text, %(actor_id)s::bigint, %(actor_name)s::text, at,
           recorded_at, previous_hash,
           sha256(previous_hash || convert_to(concat_ws(
               E'\x1f', id, borrower_id, sequence, 'attempt', '', %(channel)s::text, %(purpose)s::text, 'out', %(actor_scope)s::text,
               %(party)s::text, coalesce(endpoint_id::text, ''), array_to_string(loan_ids, ','), '',
               coalesce(%(message_id)s::bigint::text, ''), %(packs)s::text, coalesce(%(actor_id)s::bigint::text, ''),
               %(actor_name)s::text, (extract(epoch FROM at) * 1000000)::bigint, (extract(epoch FROM recorded_at) * 1000000)::bigint
           ), 'UTF8'))
    FROM link
    RETURNING id
)
SELECT rule, release_at, NULL::bigint FROM denial
UNION ALL
SELECT NULL, NULL, id FROM written
