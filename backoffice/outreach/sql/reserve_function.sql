-- Decides and records one contact: the lock, the judgement and the entry in one call, each seeing what the one before it
-- waited for. Made by a migration from gate.sql and gate_reserve.sql; its name carries the digest of its text, so that
-- old and new programs each find the gate they were written with. Packs that were published since the caller read them,
-- and rules that are not kept yet, are answered by '{stale}' before anything is judged.
CREATE OR REPLACE FUNCTION {name} ({arguments})
RETURNS TABLE (denied_by text, released_at timestamptz, entry_id bigint)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $function$
#variable_conflict use_column
BEGIN
    PERFORM FROM customers_borrower WHERE id = ANY({borrowers}) FOR NO KEY UPDATE;
    IF {is_by_number} THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('number ' || encode(digest, 'hex'), 0))
        FROM customers_contactpoint WHERE id = ANY({endpoints}) AND digest IS NOT NULL;
    END IF;
    IF (SELECT number FROM outreach_packgeneration) IS DISTINCT FROM {generation}
       OR (SELECT count(*) FROM outreach_compiledrule WHERE key = {rule_key}) <> {rule_count}
    THEN
        RETURN QUERY SELECT '{stale}'::text, NULL::timestamptz, NULL::bigint;
    ELSIF {purpose} = 'reply'
       OR EXISTS (SELECT FROM outreach_consententry WHERE borrower_id = ANY({borrowers}))
       OR EXISTS (SELECT FROM outreach_preferenceentry WHERE borrower_id = ANY({borrowers}))
       OR EXISTS (SELECT FROM customers_hold WHERE borrower_id = ANY({borrowers}))
       OR EXISTS (SELECT FROM customers_borrower WHERE merged_into_id = ANY({borrowers}))
    THEN
        RETURN QUERY {everything};
    ELSIF EXISTS (
        SELECT FROM outreach_contactentry
        WHERE borrower_id = ANY({borrowers}) AND kind = 'attempt' AND at > {ats}[1] - {horizon} * interval '1 day'
    ) OR ({is_by_number} AND EXISTS (
        SELECT FROM customers_contactpoint point
        JOIN customers_contactpoint same ON same.digest = point.digest
        JOIN outreach_contactentry attempt ON attempt.endpoint_id = same.id AND attempt.kind = 'attempt'
        WHERE point.id = ANY({endpoints}) AND attempt.at > {ats}[1] - {horizon} * interval '1 day'
    )) THEN
        RETURN QUERY {nothing_said};
    ELSE
        RETURN QUERY {nothing_known};
    END IF;
END
$function$
