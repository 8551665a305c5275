-- What each arm of an experiment did on some metrics, one row per arm and metric with units in it.
-- In: experiment bigint, metrics bigint[], kinds text[] (binary | mean, beside the metrics), window_days int.
-- Out: arm_id, metric_id, units, total, squares. A unit's value is what it did from its exposure on, within the window:
-- 1 if it did anything at all of a binary metric, the sum of it otherwise, nought if nothing. In SQL because units and their
-- outcomes are many and only sums leave the database. Oracle: tests/outreach/test_selectors_experiments.py.
SELECT
    valued.arm_id,
    valued.metric_id,
    count(*) AS units,
    sum(valued.value) AS total,
    sum(valued.value * valued.value) AS squares
FROM (
    SELECT
        exposure.arm_id,
        measure.metric_id,
        CASE measure.kind
            WHEN 'binary' THEN coalesce(max((outcome.value > 0)::int), 0)::numeric
            ELSE coalesce(sum(outcome.value), 0)
        END AS value
    FROM outreach_exposure AS exposure
    CROSS JOIN unnest(%(metrics)s::bigint[], %(kinds)s::text[]) AS measure (metric_id, kind)
    LEFT JOIN outreach_outcome AS outcome
        ON outcome.metric_id = measure.metric_id
        AND outcome.borrower_id = exposure.borrower_id
        AND outcome.at >= exposure.at
        AND outcome.at < exposure.at + make_interval(days => %(window_days)s)
    WHERE exposure.experiment_id = %(experiment)s
    GROUP BY exposure.arm_id, exposure.borrower_id, measure.metric_id, measure.kind
) AS valued
GROUP BY valued.arm_id, valued.metric_id
