-- The agreement each of some bills would be debited over, chosen as a slot chooses it.
--
-- Why SQL: the choice is the one of commands_to_build.sql, for bills that are not planned.
-- Inputs   side by side, one a bill: %(places)s, %(borrowers)s, %(currencies)s, %(skipped)s agreements; and those of mandate_to_debit.sql.
-- Outputs  place, agreement, rail; no row for a bill that has none, or one that waits for a paused rail.
SELECT bill.place, mandate.id, mandate.rail_id
FROM unnest(%(places)s::bigint[], %(borrowers)s::bigint[], %(currencies)s::text[], %(skipped)s::jsonb[])
    AS bill (place, borrower_id, currency, skipped_mandates)
CROSS JOIN LATERAL (
    -- include mandate_to_debit.sql
) mandate
JOIN repayment_rail rail ON rail.id = mandate.rail_id AND NOT rail.is_paused
ORDER BY bill.place
