-- How each gateway did since a moment, and how it stands now.
-- In: since, at (timestamptz). Out: one row a gateway, columns as in selectors.gateways.Health.
-- Why SQL: counts and percentiles over a day of messages, answered in one round trip.
-- Latency is from the hand-over to the gateway's answer, of the latest 2,000 messages it answered.
WITH left_by AS (
    SELECT gateway_id,
           count(*) AS handed_over,
           count(*) FILTER (WHERE state IN ('sent', 'delivered', 'read', 'replied')) AS accepted,
           count(*) FILTER (WHERE state IN ('delivered', 'read', 'replied')) AS delivered,
           count(*) FILTER (WHERE state IN ('read', 'replied')) AS read,
           count(*) FILTER (WHERE state = 'failed') AS failed,
           count(*) FILTER (WHERE sent_at > %(at)s - interval '1 minute') AS last_minute,
           sum(cost) FILTER (WHERE state IN ('sent', 'delivered', 'read', 'replied')) AS cost
    FROM outreach_message
    WHERE gateway_id IS NOT NULL AND sent_at >= %(since)s
    GROUP BY gateway_id
), refused AS (
    SELECT gateway_id, count(*) AS refused
    FROM outreach_message
    WHERE gateway_id IS NOT NULL AND sent_at IS NULL AND state = 'failed' AND moved_at >= %(since)s
    GROUP BY gateway_id
), hanging AS (
    SELECT gateway_id,
           count(*) FILTER (WHERE state = 'unknown') AS unknown,
           count(*) FILTER (WHERE state = 'sending') AS sending
    FROM outreach_message WHERE state IN ('unknown', 'sending') GROUP BY gateway_id
), missing AS (
    SELECT message.gateway_id, count(*) AS receipts_missing
    FROM outreach_message message JOIN outreach_gateway gateway ON gateway.id = message.gateway_id
    WHERE message.state = 'sent' AND gateway.receipt_seconds > 0 AND message.sent_at >= %(since)s
      AND message.sent_at < %(at)s - make_interval(secs => gateway.receipt_seconds)
    GROUP BY message.gateway_id
), waiting AS (
    SELECT channel, count(*) AS waiting
    FROM outreach_message WHERE state = 'planned' AND send_after <= %(at)s GROUP BY channel
)
SELECT gateway.id,
       coalesce(left_by.handed_over, 0) + coalesce(refused.refused, 0),
       coalesce(left_by.accepted, 0), coalesce(left_by.delivered, 0), coalesce(left_by.read, 0),
       coalesce(left_by.failed, 0) + coalesce(refused.refused, 0), coalesce(left_by.last_minute, 0), left_by.cost,
       coalesce(hanging.unknown, 0), coalesce(hanging.sending, 0), coalesce(missing.receipts_missing, 0),
       coalesce(waiting.waiting, 0), answers.p95
FROM outreach_gateway gateway
LEFT JOIN left_by ON left_by.gateway_id = gateway.id
LEFT JOIN refused ON refused.gateway_id = gateway.id
LEFT JOIN hanging ON hanging.gateway_id = gateway.id
LEFT JOIN missing ON missing.gateway_id = gateway.id
LEFT JOIN waiting ON waiting.channel = gateway.channel
LEFT JOIN LATERAL (
    SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM taken.at - begun.at)) AS p95
    FROM (
        SELECT id FROM outreach_message
        WHERE gateway_id = gateway.id AND sent_at >= %(since)s ORDER BY sent_at DESC LIMIT 2000
    ) latest
    JOIN outreach_messagemove taken
      ON taken.message_id = latest.id AND taken.from_state = 'sending' AND taken.to_state = 'sent'
    JOIN LATERAL (
        SELECT at FROM outreach_messagemove
        WHERE message_id = latest.id AND to_state = 'sending' AND id < taken.id ORDER BY id DESC LIMIT 1
    ) begun ON true
    WHERE gateway.kind IN ('http', 'smtp')
) answers ON true
ORDER BY gateway.channel, gateway.rank, gateway.id
