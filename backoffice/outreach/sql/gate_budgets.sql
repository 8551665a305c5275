-- Follows gate.sql: what of each cap is used up, at the strictest of the plausible places, and when the first of it
-- comes back.
SELECT applies.n, applies.id, applies.most, coalesce(max(used.amount), 0)::int, max(used.refills_at)
FROM applies
LEFT JOIN (
    SELECT hit.n, hit.id, count(*) AS amount,
           CASE WHEN hit.days_window IS NOT NULL
                THEN ((min(hit.seen_at) AT TIME ZONE hit.zone)::date + hit.days_window)::timestamp AT TIME ZONE hit.zone
                ELSE min(hit.seen_at) + hit.minutes_window * interval '1 minute' END AS refills_at
    FROM hit
    GROUP BY hit.n, hit.id, hit.zone, hit.days_window, hit.minutes_window
) used ON used.n = applies.n AND used.id = applies.id
WHERE applies.kind = 'cap'
GROUP BY applies.n, applies.id, applies.most
ORDER BY applies.n, applies.id
