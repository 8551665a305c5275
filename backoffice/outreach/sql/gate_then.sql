-- Put into gate.sql where contacts of the past are judged: the points and holds of each person as they were when the
-- entry of the contact was written.
--
-- In:  request, member.
-- Out: point_then and hold_then, as their tables, with n; `ended_at` of a point that was still in use is empty.
-- Why SQL: a part of gate.sql.
), moved_since AS (
    -- What merges gave or took since: the first of the moves tells whether they had it then.
    SELECT DISTINCT ON (member.n, member.borrower_id, place.name, given.id)
           member.n, member.borrower_id, place.name, given.id::bigint AS id,
           member.borrower_id = CASE WHEN move.is_merge THEN merge.absorbed_id ELSE merge.survivor_id END AS was_theirs
    FROM member
    JOIN request ON request.n = member.n
    JOIN customers_merge merge ON member.borrower_id IN (merge.absorbed_id, merge.survivor_id)
    CROSS JOIN LATERAL (VALUES (merge.merged_at, true), (merge.undone_at, false)) AS move (at, is_merge)
    CROSS JOIN (VALUES ('customers_contactpoint.borrower_id'), ('customers_hold.borrower_id')) AS place (name)
    CROSS JOIN LATERAL jsonb_array_elements_text(coalesce(merge.moved -> place.name, '[]')) AS given (id)
    WHERE move.at > request.known_at
    ORDER BY member.n, member.borrower_id, place.name, given.id, move.at
), theirs AS (
    SELECT n, borrower_id, name, id FROM moved_since WHERE was_theirs
    UNION ALL
    SELECT member.n, member.borrower_id, own.name, own.id
    FROM member
    CROSS JOIN LATERAL (
        SELECT 'customers_contactpoint.borrower_id' AS name, id
        FROM customers_contactpoint WHERE borrower_id = member.borrower_id
        UNION ALL
        SELECT 'customers_hold.borrower_id', id FROM customers_hold WHERE borrower_id = member.borrower_id
    ) own
    WHERE NOT EXISTS (
        SELECT FROM moved_since
        WHERE moved_since.n = member.n AND moved_since.borrower_id = member.borrower_id
          AND moved_since.name = own.name AND moved_since.id = own.id
    )
), point_then AS (
    -- What is younger than the contact was not known; the point it went to was. Of a contact older than the record itself
    -- what came in with the record counts.
    SELECT request.n, theirs.borrower_id, point.id, point.kind, point.country, point.quality, point.time_zones,
           point.digest, CASE WHEN point.ended_at <= request.at THEN point.ended_at END AS ended_at
    FROM request
    JOIN theirs ON theirs.n = request.n AND theirs.name = 'customers_contactpoint.borrower_id'
    JOIN customers_contactpoint point ON point.id = theirs.id
    JOIN customers_borrower owner ON owner.id = theirs.borrower_id
    WHERE point.created_at <= request.at OR point.id = request.endpoint_id
       OR (request.at < owner.created_at AND point.created_at < owner.created_at + interval '1 hour')
), hold_then AS (
    -- What was lifted since ran on until its planned end; where lifting left nothing of it, its first day is not known.
    SELECT request.n, theirs.borrower_id, hold.scope, hold.effect, hold.reason, hold.loan_id, hold.set_at,
           hold.contact_from,
           CASE WHEN hold.lifted_at > request.at AND NOT isempty(hold.period)
                THEN daterange(lower(hold.period), hold.planned_end) ELSE hold.period END AS period
    FROM request
    JOIN theirs ON theirs.n = request.n AND theirs.name = 'customers_hold.borrower_id'
    JOIN customers_hold hold ON hold.id = theirs.id
    WHERE hold.set_at <= request.at
