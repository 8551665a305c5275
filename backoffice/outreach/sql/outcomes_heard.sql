-- What borrowers taken into experiments answered, and is not written down yet: opted out, replied.
-- In: experiments bigint[]; ended timestamptz, the end of the day that is closed.
-- Out: borrower, metric's code, when, key. An opt-out of anything by any channel counts, from the beginning of the day the
-- borrower was taken in; a reply counts to a message with the words of their arm. Each counts within the window of an
-- experiment the borrower is in. In SQL because units and what they did are many.
WITH unit AS (
    SELECT exposure.borrower_id, exposure.at, exposure.at + make_interval(days => experiment.window_days) AS until,
           arm.template_id
    FROM outreach_experiment AS experiment
    JOIN outreach_exposure AS exposure ON exposure.experiment_id = experiment.id
    JOIN outreach_arm AS arm ON arm.id = exposure.arm_id
    WHERE experiment.id = ANY(%(experiments)s::bigint[])
), heard AS (
    SELECT entry.borrower_id, 'opted_out' AS metric, entry.at, 'opted_out:' || entry.id AS key
    FROM unit
    JOIN outreach_consententry AS entry
        ON entry.borrower_id = unit.borrower_id AND entry.kind = 'opt_out'
        AND entry.at >= unit.at AND entry.at < least(unit.until, %(ended)s)
    UNION
    SELECT message.borrower_id, 'replied', min(move.at), 'replied:' || message.id
    FROM unit
    JOIN outreach_message AS message ON message.borrower_id = unit.borrower_id
    JOIN outreach_templateversion AS version
        ON version.id = message.template_version_id AND version.template_id = unit.template_id
    JOIN outreach_messagemove AS move
        ON move.message_id = message.id AND move.to_state = 'replied'
        AND move.at >= unit.at AND move.at < least(unit.until, %(ended)s)
    GROUP BY message.id
)
SELECT heard.borrower_id, heard.metric, heard.at, heard.key
FROM heard
WHERE NOT EXISTS (SELECT FROM outreach_outcome AS known WHERE known.key = heard.key)
ORDER BY heard.key
