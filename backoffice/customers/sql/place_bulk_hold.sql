-- Places one hold, with all its effects, on many borrowers at once.
--
-- Why SQL: one statement for any number of borrowers. What each row becomes is domain.hold_plans.plan_hold, once for all.
-- Borrowers are locked in the order of their ids; records merged meanwhile stand for the borrower they were merged into.
-- Where the same reason holds a scope already in the period, that hold is left as it is and no second one is placed.
--
-- Inputs   %(borrower_ids)s; %(scopes)s, %(effects)s and %(contact_from)s side by side; %(start)s, %(end)s exclusive; %(bulk_id)s, reason,
--          note, evidence, owner and who places.
-- Outputs  one row per hold placed: id, borrower_id, scope.
WITH meant AS (
    SELECT DISTINCT coalesce(asked.merged_into_id, asked.id) AS id
    FROM customers_borrower asked WHERE asked.id = ANY(%(borrower_ids)s)
), locked AS MATERIALIZED (
    SELECT borrower.id FROM customers_borrower borrower
    WHERE borrower.id IN (SELECT meant.id FROM meant) ORDER BY borrower.id FOR UPDATE
), numbered AS MATERIALIZED (
    SELECT locked.id, nextval('customers_hold_id_seq') AS group_id FROM locked
)
INSERT INTO customers_hold (borrower_id, scope, effect, period, contact_from, planned_end, reason, note, evidence, owner_id, owner_name,
                            owner_role, set_by, set_by_name, lifted_by_name, lift_reason, group_id, bulk_id)
SELECT numbered.id, stops.scope, stops.effect, daterange(%(start)s, %(end)s), stops.contact_from, %(end)s, %(reason)s, %(note)s, %(evidence)s,
       %(owner_id)s, %(owner_name)s, %(owner_role)s, %(set_by)s, %(set_by_name)s, '', '', numbered.group_id, %(bulk_id)s
FROM numbered CROSS JOIN unnest(%(scopes)s::text[], %(effects)s::text[], %(contact_from)s::date[])
    AS stops (scope, effect, contact_from)
ORDER BY numbered.id
ON CONFLICT DO NOTHING
RETURNING id, borrower_id, scope
