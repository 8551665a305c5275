-- Compares a rail's file of a day with the commands and the ledger, by order number; each debit and each return is one movement.
--
-- Why SQL: a file has 200,000 lines, and each meets a command, an operation and its transfers. The rule it states is
-- `domain/autopay/matching.py`, its oracle in the tests.
-- Inputs   %(rail)s id, %(day)s date, %(cut_off)s time of day, %(zone)s the lender's time zone, %(is_next_known)s boolean:
--          the file of the next day is here; %(is_later_known)s boolean: that of any later day is; %(done)s the rail's codes
--          that say that money moved; %(not_in_file)s the code of what we took back because the rail never had it;
--          %(file_at)s when the file of the day was taken in.
-- Outputs  row kind ('order' or 'total'), order number, movement, outcome, why, command id, line id, amount of the command,
--          of the line, booked, currency, count. An 'order' is one movement that is not matched; a 'total' is all of one
--          movement, outcome and currency: the sums of the three and their number.
WITH files AS MATERIALIZED (
    SELECT id, day FROM repayment_settlementfile WHERE rail_id = %(rail)s AND kind = 'channel'
), span AS MATERIALIZED (
    SELECT (%(day)s::date - 1 + %(cut_off)s::time) AT TIME ZONE %(zone)s AS opens,
           (%(day)s::date + 1)::timestamp AT TIME ZONE %(zone)s AS ends
), theirs AS MATERIALIZED (
    SELECT line.id, line.order_no, line.kind AS movement, line.amount, line.currency,
           there.at::date + (there.at::time > %(cut_off)s::time)::int AS "on",
           -- LIMIT keeps each look an index probe: EXISTS would be hashed, over the lines of every file there ever was.
           coalesce((SELECT true FROM repayment_settlementline AS earlier
                     JOIN files AS before ON before.id = earlier.file_id AND before.day < %(day)s::date
                     WHERE upper(earlier.order_no) = upper(line.order_no) AND earlier.order_no = line.order_no
                       AND earlier.kind = line.kind
                       AND (earlier.kind = 'return' OR earlier.code = '' OR earlier.code = ANY(%(done)s::text[]))
                     LIMIT 1), false) AS is_twice,
           line.kind = 'return' OR line.code = '' OR line.code = ANY(%(done)s::text[]) AS is_done
    FROM files
    JOIN repayment_settlementline AS line ON line.file_id = files.id
    CROSS JOIN LATERAL (SELECT line.at AT TIME ZONE %(zone)s AS at) AS there
    WHERE files.day = %(day)s::date
), candidate AS (
    SELECT command.id, 'debit' AS movement
    FROM span JOIN repayment_debitcommand AS command
        ON command.rail_id = %(rail)s AND command.succeeded_at > span.opens AND command.succeeded_at < span.ends
    UNION
    SELECT command.id, 'return'
    FROM span JOIN repayment_debitcommand AS command
        ON command.rail_id = %(rail)s AND command.returned_at > span.opens AND command.returned_at < span.ends
    UNION
    SELECT command.id, 'debit' FROM repayment_debitcommand AS command
    WHERE command.state IN ('submitted', 'unknown') AND command.rail_id = %(rail)s
    UNION
    SELECT command.id, theirs.movement
    FROM theirs JOIN repayment_debitcommand AS command
        ON command.order_no = theirs.order_no AND command.rail_id = %(rail)s
), cash AS (
    SELECT transfer.operation_id, sum(CASE WHEN transfer.debit = 'cash' THEN transfer.amount ELSE -transfer.amount END) AS net
    FROM (SELECT DISTINCT command.operation_id FROM candidate JOIN repayment_debitcommand AS command USING (id)
          WHERE command.operation_id IS NOT NULL) AS booked
    JOIN repayment_transfer AS transfer ON transfer.operation_id = booked.operation_id
    WHERE transfer.debit = 'cash' OR transfer.credit = 'cash'
    GROUP BY transfer.operation_id
), ours AS MATERIALIZED (
    SELECT command.id, command.order_no, candidate.movement, command.state, command.amount, command.currency,
           command.state = 'succeeded' AND command.is_unplaced AND command.operation_id IS NULL AS is_unplaced,
           command.state = 'returned' AND command.code = %(not_in_file)s AS is_taken_back,
           CASE candidate.movement WHEN 'return' THEN command.returned_at ELSE command.succeeded_at END
               > %(file_at)s::timestamptz AS is_after_file,
           CASE
               WHEN candidate.movement = 'return' THEN returned.at::date + (returned.at::time > %(cut_off)s::time)::int
               WHEN command.state IN ('submitted', 'unknown')
                   THEN greatest(command.day, sent.at::date + (sent.at::time > %(cut_off)s::time)::int)
               ELSE succeeded.at::date + (succeeded.at::time > %(cut_off)s::time)::int
           END AS "on",
           CASE
               -- The loan had no room for it: nothing is booked, and the amount is still what is to be compared.
               WHEN command.is_unplaced AND command.operation_id IS NULL THEN command.amount
               WHEN operation.id IS NULL THEN NULL
               -- The books refused the return alone: the debit is in them, until a person takes it back.
               WHEN command.state = 'returned' AND command.is_unplaced THEN
                   CASE WHEN candidate.movement = 'debit' OR undone.id IS NOT NULL THEN operation.amount END
               -- What was returned was booked, and taken back by the return itself.
               WHEN command.state = 'returned' THEN CASE WHEN undone.id = command.return_operation_id THEN operation.amount END
               WHEN undone.id IS NOT NULL THEN NULL
               ELSE cash.net
           END AS booked
    FROM candidate
    JOIN repayment_debitcommand AS command ON command.id = candidate.id
    LEFT JOIN repayment_operation AS operation ON operation.id = command.operation_id
    LEFT JOIN repayment_operation AS undone ON undone.reverses_id = operation.id
    LEFT JOIN cash ON cash.operation_id = operation.id
    CROSS JOIN LATERAL (SELECT command.succeeded_at AT TIME ZONE %(zone)s AS at) AS succeeded
    CROSS JOIN LATERAL (SELECT command.returned_at AT TIME ZONE %(zone)s AS at) AS returned
    CROSS JOIN LATERAL (SELECT command.submitted_at AT TIME ZONE %(zone)s AS at) AS sent
), paired AS (
    SELECT order_no, movement, ours.id AS command_id, ours.state, ours.amount AS asked, ours.currency AS our_currency,
           ours."on" AS our_day, ours.booked, coalesce(ours.is_unplaced, false) AS is_unplaced,
           coalesce(ours.is_taken_back, false) AS is_taken_back, coalesce(ours.is_after_file, false) AS is_after_file, theirs.id AS line_id, theirs.amount AS told,
           theirs.currency AS their_currency, theirs.is_twice, theirs.is_done,
           theirs."on" > %(day)s::date AND NOT %(is_later_known)s::boolean AS may_follow,
           (theirs.id IS NULL OR NOT theirs.is_done) AND coalesce((
               SELECT true FROM repayment_settlementline AS line JOIN files ON files.id = line.file_id
               WHERE upper(line.order_no) = upper(coalesce(ours.order_no, theirs.order_no))
                 AND line.order_no = coalesce(ours.order_no, theirs.order_no)
                 AND line.kind = coalesce(ours.movement, theirs.movement)
                 -- What moved nothing here, a later file may say that it moved.
                 AND (theirs.id IS NULL OR (files.day > %(day)s::date
                      AND (line.code = '' OR line.code = ANY(%(done)s::text[]))))
               LIMIT 1
           ), false) AS is_elsewhere,
           CASE WHEN ours.state IN ('submitted', 'unknown') THEN ours.amount ELSE ours.booked END AS to_compare
    FROM ours FULL JOIN theirs USING (order_no, movement)
), judged AS MATERIALIZED (
    SELECT paired.*, split_part(found.verdict, ' ', 1) AS outcome, split_part(found.verdict, ' ', 2) AS why
    FROM paired
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN line_id IS NOT NULL AND NOT is_done AND is_elsewhere THEN 'nothing'
            WHEN line_id IS NOT NULL AND is_done AND is_twice THEN 'long twice'
            WHEN line_id IS NOT NULL AND command_id IS NULL THEN
                CASE WHEN may_follow THEN 'cutoff next_file' ELSE 'long no_order' END
            WHEN line_id IS NOT NULL AND NOT is_done THEN
                CASE WHEN is_taken_back THEN 'nothing' ELSE 'status code' END
            WHEN line_id IS NOT NULL AND movement = 'debit' AND is_taken_back THEN 'status says_no'
            WHEN line_id IS NOT NULL AND (
                (movement = 'debit' AND state IN ('submitted', 'unknown', 'succeeded', 'returned'))
                OR (movement = 'return' AND state IN ('succeeded', 'returned'))
            ) THEN
                CASE
                    WHEN to_compare IS NULL THEN 'status not_booked'
                    WHEN our_currency <> their_currency THEN 'amount currency'
                    WHEN to_compare <> told THEN 'amount amount'
                    WHEN movement = 'debit' AND state IN ('submitted', 'unknown') THEN 'settle'
                    WHEN movement = 'return' AND state = 'succeeded' THEN 'return'
                    WHEN movement = 'debit' AND is_unplaced THEN 'status not_placed'
                    ELSE 'matched'
                END
            WHEN line_id IS NOT NULL AND movement = 'return' THEN 'status not_succeeded'
            WHEN line_id IS NOT NULL AND may_follow THEN 'cutoff next_file'
            WHEN line_id IS NOT NULL THEN 'status says_no'
            WHEN is_elsewhere OR is_taken_back THEN 'nothing'
            WHEN state IN ('submitted', 'unknown') THEN
                CASE
                    WHEN movement = 'return' OR our_day IS DISTINCT FROM %(day)s::date THEN 'nothing'
                    WHEN %(is_later_known)s::boolean THEN 'decline'
                    ELSE 'wait'
                END
            WHEN NOT (state = 'returned' OR (movement = 'debit' AND state = 'succeeded'))
                OR booked IS NULL OR our_day IS NULL OR our_day < %(day)s::date THEN 'nothing'
            WHEN our_day > %(day)s::date THEN
                CASE
                    WHEN %(is_next_known)s::boolean THEN 'nothing'
                    -- The rail wrote no file of the day it belongs to: it can only be judged here.
                    WHEN %(is_later_known)s::boolean THEN 'short absent'
                    ELSE 'cutoff next_file'
                END
            WHEN is_after_file AND NOT %(is_later_known)s::boolean THEN 'cutoff next_file'
            ELSE 'short absent'
        END AS verdict
    ) AS found
)
SELECT 'order' AS row_kind, order_no, movement, outcome, why, command_id, line_id, asked, told, booked,
       coalesce(their_currency, our_currency) AS currency, 1 AS count
FROM judged WHERE outcome NOT IN ('matched', 'nothing')
UNION ALL
SELECT 'total', '', movement, outcome, '', NULL, NULL, sum(asked), sum(told), sum(booked),
       coalesce(their_currency, our_currency), count(*)
FROM judged WHERE outcome <> 'nothing' GROUP BY movement, outcome, coalesce(their_currency, our_currency)
ORDER BY 1, 2, 3, 4, 11
