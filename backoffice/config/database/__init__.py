"""Django's PostgreSQL backend, with a cluster that is started when the first connection is asked for."""
