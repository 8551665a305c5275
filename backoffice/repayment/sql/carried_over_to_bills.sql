-- What is carried over to some bills that are not planned, as planning carries it over.
--
-- Why SQL: the rule is the one of planning.
-- Inputs   side by side, one a bill: %(places)s, %(loans)s, %(numbers)s, %(versions)s, %(due_dates)s; and those of carried_over.sql.
-- Outputs  place, tries without funds, tries over a limit, agreements as JSON; no row for a bill that has no earlier day.
SELECT bill.place, before.tries_without_funds, before.tries_over_limit, coalesce(before.skipped, '[]')::text
FROM unnest(%(places)s::bigint[], %(loans)s::bigint[], %(numbers)s::int[], %(versions)s::int[], %(due_dates)s::date[])
    AS bill (place, loan_id, installment_number, from_version, due_date)
CROSS JOIN LATERAL (
    -- include carried_over.sql
) before
