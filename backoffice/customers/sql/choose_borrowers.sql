-- Chooses borrowers for a bulk hold: by what is known of them, by a list of external ids, or by both at once.
--
-- Why SQL: a list of hundreds of thousands of ids is matched in one statement. An id that several books use is matched
-- only when the book is named; merged records stand for the borrower they were merged into.
--
-- Inputs   %(portfolios)s the person may see (NULL: all); %(source)s, %(portfolio)s, %(country)s, %(time_zone)s (empty:
--          any); %(external_ids)s (NULL: no list), %(most)s.
-- Outputs  one row per borrower: id, portfolio, the external ids of the list that led there.
WITH found AS (
    SELECT borrower.id, borrower.merged_into_id, borrower.external_id,
           count(*) OVER (PARTITION BY borrower.external_id) AS namesakes
    FROM customers_borrower borrower
    WHERE (%(external_ids)s::text[] IS NULL OR borrower.external_id = ANY(%(external_ids)s))
      AND (%(source)s = '' OR borrower.source = %(source)s)
      AND (%(portfolios)s::text[] IS NULL OR borrower.portfolio = ANY(%(portfolios)s))
      AND (%(external_ids)s::text[] IS NOT NULL OR borrower.merged_into_id IS NULL)
)
SELECT meant.id, meant.portfolio, array_agg(found.external_id)
FROM found
JOIN customers_borrower meant ON meant.id = coalesce(found.merged_into_id, found.id)
WHERE (%(external_ids)s::text[] IS NULL OR found.namesakes = 1)
  AND (%(portfolio)s = '' OR meant.portfolio = %(portfolio)s)
  AND (%(country)s = '' OR meant.country = %(country)s)
  AND (%(time_zone)s = '' OR meant.time_zone = %(time_zone)s)
  AND (%(portfolios)s::text[] IS NULL OR meant.portfolio = ANY(%(portfolios)s))
GROUP BY meant.id, meant.portfolio
ORDER BY meant.id
LIMIT %(most)s
