-- Ages the loans whose next transition is the close of one day, by set.
--
-- Why SQL: a normal night moves tens of thousands of loans and the rule is a comparison of dates; read, decided and
-- written in one statement it costs little more than the rows it writes. Its oracle is domain.replay.advance.
--
-- Takes only what needs no arithmetic: no suspense to use, no hold, no penalty to charge (not a month end for the
-- loan), nothing left behind from an earlier day. The rest goes through the engine.
--
-- The caller holds the locks of the loans since before this statement: it then sees the bills as they stand. They are
-- named rather than looked for by their date: the planner then knows how many there are, whereas a date on which five
-- thousand loans come due is a date like any other to statistics of the day before.
--
-- Inputs   %(day)s the day being closed; %(ids)s the loans, all of them due at its close; %(run_id)s;
--          rules: per terms id the bands (code, first, last), tolerance and whether penalty can accrue, as arrays.
-- Outputs  one row: loans aged, loans moved to another bucket.
WITH rule AS (
    SELECT * FROM unnest(
        %(rule_terms)s::bigint[], %(rule_penalty)s::boolean[], %(rule_tolerance_days)s::int[],
        %(rule_floor)s::numeric[], %(rule_percent)s::numeric[], %(rule_interest)s::boolean[]
    ) AS r (terms_id, penalty_can_accrue, tolerance_days, floor, percent, interest_bears_penalty)
), band AS (
    SELECT * FROM unnest(%(band_terms)s::bigint[], %(band_code)s::text[], %(band_first)s::int[], %(band_last)s::int[])
        AS b (terms_id, code, first, last)
), due AS MATERIALIZED (
    SELECT loan.id, loan.borrower_id, loan.terms_id, loan.bucket, loan.status, loan.touched_on
    FROM unnest(%(ids)s::bigint[]) AS given (id)
    JOIN repayment_loan loan ON loan.id = given.id
), bill AS (
    SELECT i.loan_id, i.due_date, i.compound_base,
           i.principal - i.principal_paid - i.principal_waived AS principal_left,
           i.interest - i.interest_paid - i.interest_waived AS interest_left,
           i.penalty - i.penalty_paid - i.penalty_waived AS penalty_left,
           i.principal + i.interest + i.fee + i.guarantee_fee AS scheduled,
           (i.principal + i.interest + i.fee + i.guarantee_fee)
               - (i.principal_paid + i.interest_paid + i.fee_paid + i.guarantee_fee_paid)
               - (i.principal_waived + i.interest_waived + i.fee_waived + i.guarantee_fee_waived) AS scheduled_left
    FROM due
    CROSS JOIN LATERAL (
        SELECT * FROM repayment_installment
        WHERE loan_id = due.id AND to_version IS NULL AND settled_on IS NULL
    ) i
    OFFSET 0
), summed AS (
    SELECT judged.loan_id,
           min(judged.due_date) FILTER (WHERE judged.is_unmet) AS oldest,
           min(judged.due_date) FILTER (WHERE judged.due_date > %(day)s) AS next_due,
           coalesce(sum(judged.scheduled_left + judged.penalty_left) FILTER (WHERE judged.due_date <= %(day)s), 0)
               AS overdue,
           bool_or(
               judged.is_unmet AND judged.due_date <= %(day)s
               AND judged.principal_left + judged.compound_base
                   + CASE WHEN judged.interest_bears_penalty THEN judged.interest_left ELSE 0 END > 0
           ) AS has_base
    FROM (
        SELECT bill.*, rule.interest_bears_penalty,
               bill.scheduled_left > 0
                   AND bill.scheduled_left > greatest(rule.floor, bill.scheduled * rule.percent) AS is_unmet
        FROM bill
        JOIN due ON due.id = bill.loan_id
        JOIN rule ON rule.terms_id = due.terms_id
        OFFSET 0
    ) judged
    GROUP BY judged.loan_id
), aged AS (
    SELECT due.id, due.borrower_id, due.bucket AS from_bucket, due.status, due.touched_on, summed.oldest, summed.next_due,
           summed.overdue, summed.has_base, rule.penalty_can_accrue, rule.tolerance_days,
           greatest(0, (%(day)s::date + 1) - summed.oldest) AS dpd,
           due.terms_id
    FROM due
    JOIN rule ON rule.terms_id = due.terms_id
    LEFT JOIN summed ON summed.loan_id = due.id
), banded AS (
    SELECT aged.*,
           CASE WHEN aged.oldest IS NULL OR aged.dpd <= aged.tolerance_days THEN first_band.code ELSE band.code END
               AS to_bucket,
           CASE WHEN aged.oldest IS NULL OR aged.dpd = 0 THEN NULL
                WHEN aged.dpd <= aged.tolerance_days THEN aged.oldest + aged.tolerance_days
                WHEN band.last IS NULL THEN NULL
                ELSE aged.oldest + band.last END AS roll_on
    FROM aged
    JOIN band first_band ON first_band.terms_id = aged.terms_id AND first_band.first = 0
    LEFT JOIN band ON band.terms_id = aged.terms_id AND aged.dpd >= band.first
                  AND (band.last IS NULL OR aged.dpd <= band.last)
), moved AS (
    INSERT INTO repayment_bucketmove (loan_id, borrower_id, "on", from_bucket, to_bucket, cause, run_id)
    SELECT id, borrower_id, %(day)s::date + 1, from_bucket, to_bucket, 'aging', %(run_id)s
    FROM banded WHERE to_bucket <> from_bucket
    RETURNING 1
), written AS (
    UPDATE repayment_loan loan
    SET bucket = banded.to_bucket,
        oldest_unpaid_due_date = banded.oldest,
        overdue_amount = coalesce(banded.overdue, 0),
        next_transition_date = least(
            banded.next_due,
            banded.roll_on,
            CASE WHEN banded.status = 'active' AND banded.penalty_can_accrue AND banded.has_base
                 THEN (date_trunc('month', %(day)s::date + 1) + interval '1 month - 1 day')::date END
        ),
        touched_on = CASE WHEN banded.to_bucket <> banded.from_bucket
                          THEN greatest(banded.touched_on, %(day)s::date + 1) ELSE banded.touched_on END
    FROM banded WHERE loan.id = banded.id
    RETURNING 1
)
SELECT (SELECT count(*) FROM written), (SELECT count(*) FROM moved)
