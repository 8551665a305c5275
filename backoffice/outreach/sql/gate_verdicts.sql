SELECT n, rule, release_at FROM denial
