-- Mandates signed elsewhere come into the book, each with the first row of its history.
--
-- In:  table new_mandates of the transaction (services/autopay/registering.py), %(actor_id)s, %(actor_name)s, %(at)s;
--      %(tell_at)s, when rails that keep agreements are told of them, or NULL where they know them.
-- Out: how many came in. A mandate is passed over when its number is known on the rail, or when the borrower has the
--      same account bound over it; so a second run of the same rows brings in nothing.
-- Why SQL: a million of them at once, and the constraints decide about doubles, whoever else writes meanwhile.
WITH came AS (
    INSERT INTO repayment_mandate (
        borrower_id, rail_id, agreement_no, kind, bank, token, mask, currency, state, priority,
        single_limit, day_limit, month_limit, allows_partial, signed_on, valid_through, source, tell_at
    )
    SELECT
        borrower_id, rail_id, agreement_no, kind, bank, token, mask, currency, state, priority,
        single_limit, day_limit, month_limit, allows_partial, signed_on, valid_through, source,
        CASE WHEN rail_id IN (SELECT id FROM repayment_rail WHERE kind = 'http') THEN %(tell_at)s::timestamptz END
    FROM new_mandates
    ON CONFLICT DO NOTHING
    RETURNING id, rail_id, agreement_no, state
), noted AS (
    INSERT INTO repayment_mandatemove (
        mandate_id, from_state, to_state, cause, reason, details, actor_id, actor_name, at
    )
    SELECT came.id, '', came.state, 'registered', '', new.details, %(actor_id)s, %(actor_name)s, %(at)s
    FROM came JOIN new_mandates new USING (rail_id, agreement_no)
    RETURNING 1
)
SELECT count(*) FROM noted
