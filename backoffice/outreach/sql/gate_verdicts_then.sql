-- Follows gate.sql, for contacts of the past: what denied each, and the places the person may have been then.
SELECT n, rule, release_at, ARRAY(SELECT DISTINCT zone.name FROM zone WHERE zone.n = denial.n ORDER BY zone.name)
FROM denial
