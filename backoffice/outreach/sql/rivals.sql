-- What is planned or has left for borrowers on a day of theirs, beside each message somebody wants to plan for them.
--
-- In:  arrays of equal length, one element a message wanted: key, borrower, when their day begins and ends; %(sources)s
--      the patterns of the sources the ranking is between.
-- Out: key, and of each rival its id, state, purpose, source, loan and key (without the channels it went on to).
-- Why SQL: a night asks for a million at a time. Which of two goes first is `domain.ranking`.
SELECT wanted.key, rival.id, rival.state, rival.purpose, rival.source, rival.loan_id, split_part(rival.key, '>', 1)
FROM unnest(%(keys)s::text[], %(borrowers)s::bigint[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
    AS wanted (key, borrower_id, starts_at, ends_at)
JOIN outreach_message rival ON rival.borrower_id = wanted.borrower_id
    AND rival.send_after >= wanted.starts_at AND rival.send_after < wanted.ends_at
    AND rival.source LIKE ANY(%(sources)s)
    AND rival.state NOT IN ('stopped', 'expired', 'blocked', 'failed')
    AND split_part(rival.key, '>', 1) <> wanted.key
WHERE NOT EXISTS (SELECT FROM outreach_message own WHERE own.key = wanted.key)
ORDER BY rival.id
