-- What each borrower has had of a campaign so far, and what of its cap and budget that takes up.
--
-- In:  %(campaign)s, %(source)s as its messages name it, %(day)s the day that is planned.
-- Out: borrower, left alone or not, messages that count towards what one person gets, day of the last of them, messages
--      that count towards the cap (planned or gone out), and money: what was spent, and while a message or one that may
--      follow it on another channel can still cost something, what was reserved for it.
-- Why SQL: a million messages are summed by borrower in one statement.
-- A message that was stopped counts for nothing; one the gate or the gateway refused counts for its borrower alone.
WITH chain AS (
    SELECT split_part(key, '>', 1) AS key,
           bool_or(state <> 'stopped') AS was_tried,
           bool_or(state NOT IN ('stopped', 'expired', 'blocked', 'failed')) AS is_alive,
           bool_or(state IN ('planned', 'sending', 'unknown')) AS is_open,
           bool_or(state IN ('sent', 'delivered') AND fallback <> '{}') AS may_be_followed,
           coalesce(sum(cost), 0) AS cost
    FROM outreach_message
    WHERE source = %(source)s
    GROUP BY 1
)
SELECT member.borrower_id,
       bool_or(member.is_held_out),
       count(*) FILTER (WHERE chain.was_tried),
       max(member.day) FILTER (WHERE chain.was_tried),
       count(*) FILTER (WHERE chain.is_alive),
       coalesce(sum(CASE WHEN chain.is_open OR (chain.may_be_followed AND member.day >= %(day)s::date - 1)
                         THEN greatest(member.reserved, chain.cost)
                         ELSE chain.cost END), 0)
FROM outreach_campaignmember member
LEFT JOIN chain ON chain.key = member.message_key
WHERE member.campaign_id = %(campaign)s
GROUP BY member.borrower_id
