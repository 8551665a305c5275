"""The servers a development machine or a test run starts for itself: PostgreSQL, Valkey, and the whole demo."""
