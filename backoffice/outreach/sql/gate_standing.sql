-- Follows gate.sql, for one contact: the places the person may be, the rules that bear on the contact, and those that
-- would but for something the borrower agreed to or asked for.
SELECT 'zone' AS what, name FROM zone
UNION ALL
SELECT 'applies', id FROM applies
UNION ALL
SELECT 'lifted', rule.id
FROM request
JOIN land ON land.n = request.n
JOIN rule ON '*' = ANY(rule.countries) OR rule.countries && land.countries
    OR (rule.is_default AND (land.countries = '{}' OR NOT land.countries <@ %(named_countries)s::text[]))
WHERE EXISTS (SELECT FROM granted WHERE granted.n = request.n AND granted.what = ANY(rule.excepts))
ORDER BY what, name
