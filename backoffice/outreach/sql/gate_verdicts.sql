SELECT n, rule, release_at FROM denial ORDER BY n, rule
