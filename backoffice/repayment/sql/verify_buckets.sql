-- Recomputes the oldest unpaid bill, the bucket and the next transition of loans without a hold, and checks that the
-- bucket moves of every loan lead from the first bucket to the present one.
--
-- Why SQL: it reads every open bill. Loans with a hold on aging or penalty are recomputed by the engine instead.
-- Inputs   %(first_id)s, %(last_id)s the id range (the caller may put named loans in its place); %(business_date)s;
--          the rules as arrays.
-- Outputs  loan id, name of the check, what the rows say, what is stored; only where they differ.
WITH rule AS (
    SELECT * FROM unnest(
        %(rule_terms)s::bigint[], %(rule_penalty)s::boolean[], %(rule_tolerance_days)s::int[],
        %(rule_floor)s::numeric[], %(rule_percent)s::numeric[], %(rule_interest)s::boolean[]
    ) AS r (terms_id, penalty_can_accrue, tolerance_days, floor, percent, interest_bears_penalty)
), band AS (
    SELECT * FROM unnest(%(band_terms)s::bigint[], %(band_code)s::text[], %(band_first)s::int[], %(band_last)s::int[])
        AS b (terms_id, code, first, last)
), loan AS (
    SELECT * FROM repayment_loan loan
    WHERE loan.id BETWEEN %(first_id)s AND %(last_id)s
), bill AS (
    SELECT loan_id,
           min(due_date) FILTER (WHERE is_unmet) AS oldest,
           min(due_date) FILTER (WHERE due_date >= %(business_date)s) AS next_due,
           bool_or(
               is_unmet AND due_date < %(business_date)s
               AND principal_left + compound_base
                   + CASE WHEN interest_bears_penalty THEN interest_left ELSE 0 END > 0
           ) AS has_base
    FROM (
        SELECT i.*, rule.interest_bears_penalty,
               i.scheduled_left > 0 AND i.scheduled_left > greatest(rule.floor, i.scheduled * rule.percent) AS is_unmet
        FROM (SELECT loan_id, due_date, compound_base,
                     principal - principal_paid - principal_waived AS principal_left,
                     interest - interest_paid - interest_waived AS interest_left,
                     principal + interest + fee + guarantee_fee AS scheduled,
                     (principal + interest + fee + guarantee_fee)
                         - (principal_paid + interest_paid + fee_paid + guarantee_fee_paid)
                         - (principal_waived + interest_waived + fee_waived + guarantee_fee_waived) AS scheduled_left
              FROM repayment_installment
              WHERE to_version IS NULL AND settled_on IS NULL
                AND loan_id BETWEEN %(first_id)s AND %(last_id)s
              OFFSET 0) i
        JOIN loan ON loan.id = i.loan_id
        JOIN rule ON rule.terms_id = loan.terms_id
        OFFSET 0
    ) judged
    GROUP BY loan_id
), aged AS (
    SELECT loan.id, loan.status, loan.terms_id, loan.bucket, loan.oldest_unpaid_due_date, loan.next_transition_date,
           bill.oldest, bill.next_due, bill.has_base, rule.tolerance_days, rule.penalty_can_accrue,
           coalesce(greatest(0, %(business_date)s::date - bill.oldest), 0) AS dpd
    FROM loan
    JOIN rule ON rule.terms_id = loan.terms_id
    LEFT JOIN bill ON bill.loan_id = loan.id
    WHERE NOT EXISTS (SELECT FROM customers_hold hold
                      WHERE hold.borrower_id = loan.borrower_id AND hold.scope IN ('aging', 'penalty'))
), expected AS (
    SELECT aged.*,
           CASE WHEN aged.dpd <= aged.tolerance_days THEN first_band.code ELSE band.code END AS expected_bucket,
           CASE WHEN aged.status = 'closed' THEN NULL ELSE least(
               aged.next_due,
               CASE WHEN aged.dpd = 0 THEN NULL
                    WHEN aged.dpd <= aged.tolerance_days THEN aged.oldest + aged.tolerance_days
                    ELSE aged.oldest + band.last END,
               CASE WHEN aged.status = 'active' AND aged.penalty_can_accrue AND aged.has_base
                    THEN (date_trunc('month', %(business_date)s::date) + interval '1 month - 1 day')::date END
           ) END AS expected_transition
    FROM aged
    JOIN band first_band ON first_band.terms_id = aged.terms_id AND first_band.first = 0
    LEFT JOIN band ON band.terms_id = aged.terms_id AND aged.dpd >= band.first
                  AND (band.last IS NULL OR aged.dpd <= band.last)
)
SELECT expected.id, finding.name, finding.computed, finding.stored
FROM expected
CROSS JOIN LATERAL (VALUES
    ('oldest unpaid due date', expected.oldest::text, expected.oldest_unpaid_due_date::text),
    ('bucket of the days past due', expected.expected_bucket, expected.bucket),
    ('next transition', expected.expected_transition::text, expected.next_transition_date::text)
) AS finding (name, computed, stored)
WHERE finding.computed IS DISTINCT FROM finding.stored
UNION ALL
SELECT chain.loan_id, 'bucket moves lead to the present bucket', string_agg(chain.bucket || ' ' || chain.net, ', '), max(chain.present)
FROM (
    SELECT step.loan_id, step.bucket, sum(step.weight) AS net, max(step.present) AS present
    FROM (
        SELECT move.loan_id, end_point.bucket, end_point.weight, NULL::text AS present
        FROM repayment_bucketmove move
        CROSS JOIN LATERAL (VALUES (move.to_bucket, 1), (move.from_bucket, -1)) AS end_point (bucket, weight)
        WHERE move.loan_id BETWEEN %(first_id)s AND %(last_id)s
        UNION ALL
        SELECT loan.id, end_point.bucket, end_point.weight, loan.bucket
        FROM loan
        JOIN band first_band ON first_band.terms_id = loan.terms_id AND first_band.first = 0
        CROSS JOIN LATERAL (VALUES (first_band.code, 1), (loan.bucket, -1)) AS end_point (bucket, weight)
    ) step
    GROUP BY step.loan_id, step.bucket
    HAVING sum(step.weight) <> 0
) chain
GROUP BY chain.loan_id
ORDER BY 1
