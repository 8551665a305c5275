-- Judges contacts wanted with borrowers, all of one channel, purpose, actor scope and party: which rules deny each, and
-- from when the rule would let it through.
--
-- Why SQL: a call is judged and recorded under the borrower's lock in one statement, and a million planned messages are
-- judged as a set. Its oracle is tests/outreach/slow_gate.py, which knows nothing of this text.
--
-- Counters are derived from the contact log: the last fact about an attempt says what it counts as, an attempt without a
-- fact counts as everything it may turn out to be. Windows in days are calendar dates at the borrower's place; where the
-- place is uncertain a rule denies when it would deny at any of the plausible places.
--
-- A contact of the past is judged as the record stood when its entry was written: who was merged, whose points and holds
-- they were, what had been said, placed and lifted. Of what tells the place only what is no younger than the contact
-- counts. A result of an earlier contact that was not recorded yet counts as it is known now. The quality of a point has
-- no history and is not looked at; the borrower's own country and time zone never change.
--
-- Inputs   what is wanted, as arrays: n, borrowers, endpoints, loans, ats, before (of the past: the log entry of the
--          contact itself; else NULL); channel, purpose, is_marketing, hold_scope, passing_effects (of holds that
--          let the purpose through), endpoint_kind ('' for none); rules, already those of the channel, purpose, scope and
--          party: as JSON, or, where one contact is reserved, the key under which outreach_compiledrule keeps them;
--          named_countries (those a pack names); holidays, as arrays of country and day; horizon (days the log is read
--          back). What stands in braces is written in by selectors/gate_text.py: what codes count as, the zones of
--          countries; where the rules come from; and, for a borrower of whom nothing is known that asks for them, whole
--          parts as `false`, which the planner then leaves out: what the borrower said and prefers, what is held, who
--          was merged into them (`said`); contacts of the days looked back on (`seen`); the past (`past`, with
--          what gate_then.sql says of it).
-- Outputs  the table `denial`: n, rule, release_at (NULL: nothing but a person changes it), several rows a rule where
--          it denies at several places: the latest counts. The caller adds what to do.
WITH RECURSIVE request AS MATERIALIZED (
    SELECT asked.*,
           CASE WHEN {past} THEN (SELECT recorded_at FROM outreach_contactentry WHERE id = asked.before) END AS known_at
    FROM unnest(
        %(n)s::int[], %(borrowers)s::bigint[], %(endpoints)s::bigint[], %(loans)s::bigint[], %(ats)s::timestamptz[],
        %(before)s::bigint[]
    ) AS asked (n, borrower_id, endpoint_id, loan_id, at, before)
), rule AS MATERIALIZED (
    {rules}
), flag AS MATERIALIZED (
    SELECT * FROM (VALUES {codes})
        AS flag (code, is_attempt, is_call, is_unanswered, is_conversation, is_talk, is_message)
), member (n, borrower_id) AS (
    -- The person: the borrower asked for and whoever was merged into them.
    SELECT n, borrower_id FROM request
    {absorbed}
{then}), point AS MATERIALIZED (
    SELECT request.n, point.id, point.kind, point.country, point.quality, point.time_zones, point.digest
    FROM request
    JOIN member ON member.n = request.n
    JOIN {points}
    WHERE point.ended_at IS NULL
), endpoint AS MATERIALIZED (
    SELECT point.* FROM request JOIN point ON point.n = request.n AND point.id = request.endpoint_id
), land AS MATERIALIZED (
    SELECT named.n, coalesce(array_agg(named.country) FILTER (WHERE named.country <> ''), '{}') AS countries
    FROM (
        SELECT member.n, borrower.country::text
        FROM member JOIN customers_borrower borrower ON borrower.id = member.borrower_id
        UNION ALL
        SELECT n, country::text FROM endpoint
    ) named
    GROUP BY named.n
), evidence AS MATERIALIZED (
    -- Each thing known about where the person is, as the zones it leaves open.
    SELECT member.n, ARRAY[borrower.time_zone]::text[] AS zones
    FROM member JOIN customers_borrower borrower ON borrower.id = member.borrower_id
    WHERE borrower.time_zone <> ''
    UNION ALL
    SELECT n, time_zones::text[] FROM point WHERE cardinality(time_zones) > 0
), zone AS MATERIALIZED (
    -- Vague evidence gives way to what lies within it; what contradicts each other adds up.
    SELECT DISTINCT evidence.n, place.name
    FROM evidence
    CROSS JOIN LATERAL unnest(evidence.zones) AS place (name)
    WHERE NOT EXISTS (
        SELECT FROM evidence closer
        WHERE closer.n = evidence.n AND closer.zones <@ evidence.zones AND NOT evidence.zones <@ closer.zones
    )
    UNION ALL
    SELECT land.n, home.name
    FROM land
    JOIN (VALUES {zones}) AS home (country, name) ON home.country = ANY(land.countries)
    WHERE NOT EXISTS (SELECT FROM evidence WHERE evidence.n = land.n)
), entry AS {seen_kept} (
    SELECT seen.n, seen.is_of_person, attempt.at, attempt.channel, attempt.purpose, attempt.direction, attempt.loan_ids,
           attempt.actor_scope, coalesce(fact.code, attempt.code) AS code
    FROM (
        SELECT request.n, request.at, request.before, true AS is_of_person, member.borrower_id, NULL::bigint AS endpoint_id
        FROM request JOIN member ON member.n = request.n
        UNION ALL
        SELECT request.n, request.at, request.before, false, NULL, same.id
        FROM request
        JOIN endpoint ON endpoint.n = request.n
        JOIN customers_contactpoint same ON same.digest = endpoint.digest
        WHERE %(is_by_number)s::boolean
    ) seen
    JOIN LATERAL (
        SELECT id, at, channel, purpose, direction, loan_ids, actor_scope, code
        FROM outreach_contactentry
        WHERE seen.is_of_person AND borrower_id = seen.borrower_id AND kind = 'attempt'
        UNION ALL
        SELECT id, at, channel, purpose, direction, loan_ids, actor_scope, code
        FROM outreach_contactentry
        WHERE NOT seen.is_of_person AND endpoint_id = seen.endpoint_id AND kind = 'attempt'
    ) attempt ON attempt.at > seen.at - %(horizon)s::int * interval '1 day' AND (NOT {past} OR attempt.id < seen.before)
    LEFT JOIN LATERAL (
        SELECT code FROM outreach_contactentry
        WHERE attempt_id = attempt.id AND kind <> 'attempt' ORDER BY {known_first}sequence DESC LIMIT 1
    ) fact ON true
    WHERE {seen}
), counted AS {seen_kept} (
    SELECT entry.n, entry.is_of_person, entry.at, entry.channel, entry.purpose, entry.direction, entry.loan_ids,
           entry.actor_scope,
           entry.direction = 'out' AND coalesce(flag.is_attempt, true) AS is_attempt,
           entry.direction = 'out' AND coalesce(flag.is_call, is_voice) AS is_call,
           entry.direction = 'out' AND coalesce(flag.is_unanswered, is_voice) AS is_unanswered,
           entry.direction = 'out' AND coalesce(flag.is_conversation, is_voice) AS is_conversation,
           coalesce(flag.is_talk, is_voice) AS is_talk,
           entry.direction = 'out' AND coalesce(flag.is_message, NOT is_voice) AS is_message
    FROM entry
    LEFT JOIN flag ON flag.code = entry.code
    CROSS JOIN LATERAL (SELECT entry.channel IN ('call', 'bot') AS is_voice) kind_of_channel
), said AS {kept} (
    SELECT request.n, request.at AS wanted_at, word.id, word.kind, word.channel, word.endpoint_id, word.scope,
           word.starts_at, word.ends_at, word.at
    FROM request
    JOIN member ON member.n = request.n
    JOIN outreach_consententry word ON word.borrower_id = member.borrower_id
    WHERE {said} AND (word.channel = '' OR word.channel = %(channel)s::text)
      AND (word.endpoint_id IS NULL OR word.endpoint_id = request.endpoint_id)
      AND (NOT {past} OR (word.at <= request.at AND word.recorded_at <= request.known_at))
), standing AS {kept} (
    -- Only an opt-in at least as wide takes an opt-out back; any later "no" ends a consent.
    SELECT said.* FROM said
    WHERE said.kind IN ('consent', 'callback', 'opt_out')
      AND NOT EXISTS (
          SELECT FROM said later
          WHERE later.n = said.n AND later.id > said.id
            AND CASE WHEN said.kind = 'opt_out'
                     THEN later.kind = 'opt_in' AND (later.channel = '' OR later.channel = said.channel)
                          AND (later.endpoint_id IS NULL OR later.endpoint_id = said.endpoint_id)
                          AND (later.scope = '' OR later.scope = said.scope)
                     ELSE later.kind IN ('revoked', 'opt_out') END
      )
), granted AS {kept} (
    SELECT standing.n, standing.kind AS what
    FROM standing
    WHERE CASE standing.kind
              WHEN 'callback' THEN standing.starts_at <= standing.wanted_at AND standing.wanted_at < standing.ends_at
              WHEN 'consent' THEN standing.at > standing.wanted_at - interval '7 days'
                                  AND (standing.ends_at IS NULL OR standing.wanted_at < standing.ends_at)
              ELSE false END
      AND NOT EXISTS (
          SELECT FROM counted
          WHERE counted.n = standing.n AND counted.is_of_person AND counted.is_talk AND counted.at > standing.at
      )
    UNION ALL
    SELECT request.n, 'reply'
    FROM request
    WHERE {said} AND %(purpose)s::text = 'reply'
      AND EXISTS (
          SELECT FROM counted
          WHERE counted.n = request.n AND counted.is_of_person AND counted.direction = 'in'
            AND counted.channel = %(channel)s::text AND counted.at > request.at - interval '1 day'
            AND NOT EXISTS (
                SELECT FROM counted answer
                WHERE answer.n = request.n AND answer.is_of_person AND answer.direction = 'out'
                  AND answer.channel = %(channel)s::text AND answer.purpose = 'reply' AND answer.at > counted.at
            )
      )
), applies AS {applies_kept} (
    SELECT request.n, request.at, request.loan_id, rule.*
    FROM request
    JOIN land ON land.n = request.n
    JOIN rule ON '*' = ANY(rule.countries) OR rule.countries && land.countries
        OR (rule.is_default AND (land.countries = '{}' OR NOT land.countries <@ %(named_countries)s::text[]))
    WHERE NOT EXISTS (SELECT FROM granted WHERE granted.n = request.n AND granted.what = ANY(rule.excepts))
), out_of_hours AS (
    SELECT applies.n, applies.id AS rule,
           (CASE WHEN here.minute < applies.from_minute THEN here.day ELSE here.day + 1 END
            + applies.from_minute * interval '1 minute') AT TIME ZONE zone.name AS release_at
    FROM applies
    JOIN zone ON zone.n = applies.n
    CROSS JOIN LATERAL (SELECT applies.at AT TIME ZONE zone.name AS time) local
    CROSS JOIN LATERAL (
        SELECT local.time::date AS day, extract(hour FROM local.time)::int * 60 + extract(minute FROM local.time)::int AS minute
    ) here
    WHERE applies.kind = 'hours'
      AND (here.minute < applies.from_minute OR here.minute >= applies.to_minute
           OR NOT extract(isodow FROM here.day)::int = ANY(applies.days)
           OR (applies.is_closed_on_holidays AND EXISTS (
               SELECT FROM unnest(%(holiday_countries)s::text[], %(holiday_days)s::date[]) AS holiday (country, day)
               JOIN land ON land.n = applies.n AND holiday.country = ANY(land.countries)
               WHERE holiday.day = here.day
           )))
), hit AS NOT MATERIALIZED (
    -- What counts towards a cap, at each place the person may be.
    SELECT applies.n, applies.id, applies.most, applies.days_window, applies.minutes_window, zone.name AS zone,
           counted.at AS seen_at
    FROM counted
    JOIN applies ON applies.n = counted.n AND applies.kind = 'cap'
        AND counted.is_of_person = (applies.per <> 'number')
        AND ('*' = ANY(applies.channels) OR counted.channel = ANY(applies.channels))
        AND ('*' = ANY(applies.counted_purposes) OR counted.purpose = ANY(applies.counted_purposes))
        AND ('*' = ANY(applies.counted_scopes) OR counted.actor_scope = ANY(applies.counted_scopes))
        AND (applies.per <> 'debt' OR applies.loan_id IS NULL OR counted.loan_ids = '{}'
             OR applies.loan_id = ANY(counted.loan_ids))
        AND CASE applies.counts
                WHEN 'attempt' THEN counted.is_attempt
                WHEN 'call' THEN counted.is_call
                WHEN 'unanswered' THEN counted.is_unanswered
                WHEN 'conversation' THEN counted.is_conversation
                WHEN 'message' THEN counted.is_message
                ELSE true END
    JOIN zone ON zone.n = applies.n
    WHERE CASE WHEN applies.days_window IS NOT NULL
               THEN (counted.at AT TIME ZONE zone.name)::date
                    > (applies.at AT TIME ZONE zone.name)::date - applies.days_window
               ELSE counted.at > applies.at - applies.minutes_window * interval '1 minute' END
), beyond_cap AS (
    SELECT hit.n, hit.id AS rule,
           CASE WHEN hit.days_window IS NOT NULL
                THEN (((array_agg(hit.seen_at ORDER BY hit.seen_at DESC))[hit.most] AT TIME ZONE hit.zone)::date
                      + hit.days_window)::timestamp AT TIME ZONE hit.zone
                ELSE (array_agg(hit.seen_at ORDER BY hit.seen_at DESC))[hit.most] + hit.minutes_window * interval '1 minute'
           END AS release_at
    FROM hit
    GROUP BY hit.n, hit.id, hit.zone, hit.most, hit.days_window, hit.minutes_window
    HAVING count(*) >= hit.most
), too_soon AS (
    SELECT applies.n, applies.id AS rule,
           ((counted.at AT TIME ZONE zone.name)::date + applies.quiet_days)::timestamp AT TIME ZONE zone.name AS release_at
    FROM counted
    JOIN applies ON applies.n = counted.n AND applies.kind = 'quiet'
        AND ('*' = ANY(applies.counted_purposes) OR counted.purpose = ANY(applies.counted_purposes))
        AND (applies.per <> 'debt' OR applies.loan_id IS NULL OR counted.loan_ids = '{}'
             OR applies.loan_id = ANY(counted.loan_ids))
    JOIN zone ON zone.n = applies.n
    WHERE counted.is_of_person AND counted.is_talk
      AND (applies.at AT TIME ZONE zone.name)::date
          < (counted.at AT TIME ZONE zone.name)::date + applies.quiet_days
), without_consent AS (
    SELECT applies.n, applies.id AS rule, NULL::timestamptz AS release_at
    FROM applies
    WHERE applies.kind = 'forbid' OR (applies.kind = 'consent' AND NOT EXISTS (
        SELECT FROM standing
        WHERE standing.n = applies.n AND standing.kind = 'consent'
          AND (standing.ends_at IS NULL OR applies.at < standing.ends_at)
          AND (applies.within_days IS NULL
               OR standing.at > applies.at - applies.within_days * interval '1 day'
               OR EXISTS (
                   SELECT FROM counted
                   WHERE counted.n = applies.n AND counted.is_of_person AND counted.direction = 'in'
                     AND counted.channel = %(channel)s::text
                     AND counted.at > applies.at - applies.within_days * interval '1 day'
               ))
    ))
), wish AS {kept} (
    SELECT request.n, request.at, wish.kind, wish.days, wish.from_minute, wish.to_minute
    FROM request
    JOIN member ON member.n = request.n
    JOIN outreach_preferenceentry wish ON wish.borrower_id = member.borrower_id AND wish.kind <> 'ended'
    WHERE {said} AND %(purpose)s::text <> 'notice' AND (wish.channel = '' OR wish.channel = %(channel)s::text)
      AND (NOT {past} OR (wish.at <= request.at AND wish.recorded_at <= request.known_at))
      AND NOT EXISTS (
          SELECT FROM outreach_preferenceentry ending
          WHERE ending.ends_id = wish.id
            AND (NOT {past} OR (ending.at <= request.at AND ending.recorded_at <= request.known_at))
      )
      AND NOT EXISTS (SELECT FROM granted WHERE granted.n = request.n AND granted.what IN ('callback', 'reply'))
), wish_at AS {kept} (
    SELECT wish.*, zone.name AS zone, here.day, here.minute,
           extract(isodow FROM here.day)::int = ANY(wish.days)
               AND here.minute >= wish.from_minute AND here.minute < wish.to_minute AS is_within
    FROM wish
    JOIN zone ON zone.n = wish.n
    CROSS JOIN LATERAL (SELECT wish.at AT TIME ZONE zone.name AS time) local
    CROSS JOIN LATERAL (
        SELECT local.time::date AS day, extract(hour FROM local.time)::int * 60 + extract(minute FROM local.time)::int AS minute
    ) here
), against_wish AS (
    SELECT n, 'core.preference' AS rule,
           (day + to_minute * interval '1 minute') AT TIME ZONE zone AS release_at
    FROM wish_at WHERE kind = 'never' AND is_within
    UNION ALL
    SELECT wanted.n, 'core.preference', min(opening.at)
    FROM wish_at wanted
    CROSS JOIN LATERAL (
        SELECT (later.day + wanted.from_minute * interval '1 minute') AT TIME ZONE wanted.zone AS at
        FROM (SELECT wanted.day + ahead AS day FROM generate_series(0, 7) AS ahead) later
        WHERE extract(isodow FROM later.day)::int = ANY(wanted.days)
          AND (later.day > wanted.day OR wanted.minute < wanted.from_minute)
    ) opening
    WHERE wanted.kind = 'only'
      AND NOT EXISTS (
          SELECT FROM wish_at open
          WHERE open.n = wanted.n AND open.zone = wanted.zone AND open.kind = 'only' AND open.is_within
      )
    GROUP BY wanted.n, wanted.zone
), held AS (
    SELECT request.n, 'core.hold.' || hold.reason AS rule,
           upper(hold.period)::timestamp AT TIME ZONE zone.name AS release_at
    FROM request
    JOIN member ON member.n = request.n
    JOIN {holds}
        AND (hold.scope = %(hold_scope)s::text OR (%(is_marketing)s::boolean AND hold.scope IN ('calls', 'texts')))
        AND (hold.loan_id IS NULL OR request.loan_id IS NULL OR hold.loan_id = request.loan_id)
    JOIN zone ON zone.n = request.n
    WHERE {said} AND NOT isempty(hold.period)
      AND (request.at AT TIME ZONE zone.name)::date >= coalesce(hold.contact_from, lower(hold.period))
      AND (upper_inf(hold.period) OR (request.at AT TIME ZONE zone.name)::date < upper(hold.period))
      AND NOT (
          hold.effect = ANY(%(passing_effects)s::text[])
          -- One closing notice, and no second one while the hold runs.
          AND (hold.effect <> 'closing_notice_only' OR NOT EXISTS (
              SELECT FROM counted
              WHERE counted.n = request.n AND counted.is_of_person AND counted.is_message
                AND counted.purpose = %(purpose)s::text AND counted.at >= hold.set_at
          ))
      )
), denial AS MATERIALIZED (
    SELECT n, rule, release_at FROM out_of_hours
    UNION ALL SELECT n, rule, release_at FROM beyond_cap
    UNION ALL SELECT n, rule, release_at FROM too_soon
    UNION ALL SELECT n, rule, release_at FROM without_consent
    UNION ALL SELECT n, rule, release_at FROM against_wish
    UNION ALL SELECT n, rule, release_at FROM held
    UNION ALL
    SELECT n, 'core.opt_out', NULL::timestamptz FROM standing
    WHERE kind = 'opt_out' AND (scope = '' OR %(is_marketing)s::boolean)
      AND NOT EXISTS (SELECT FROM granted WHERE granted.n = standing.n AND granted.what = 'reply')
    UNION ALL
    SELECT request.n, 'core.endpoint', NULL FROM request
    WHERE %(endpoint_kind)s::text <> '' AND NOT EXISTS (
        SELECT FROM endpoint
        WHERE endpoint.n = request.n AND endpoint.kind = %(endpoint_kind)s::text
          AND ({past} OR endpoint.quality IN ('unknown', 'good'))
    )
    UNION ALL
    SELECT request.n, 'core.place', NULL FROM request
    WHERE NOT EXISTS (SELECT FROM zone WHERE zone.n = request.n)
    UNION ALL
    SELECT request.n, 'core.borrower', NULL FROM request
    LEFT JOIN customers_borrower borrower ON borrower.id = request.borrower_id AND borrower.merged_into_id IS NULL
    WHERE NOT {past} AND borrower.id IS NULL
    UNION ALL
    SELECT request.n, 'core.borrower', NULL FROM request
    JOIN customers_merge merge ON merge.absorbed_id = request.borrower_id
    WHERE {past} AND merge.merged_at <= request.known_at
      AND (merge.undone_at IS NULL OR merge.undone_at > request.known_at)
)
