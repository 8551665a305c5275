"""Tables that only grow: the database itself refuses to change or delete a row.

`forbid_changes("app_table")` is a migration operation. It puts triggers on the table, which hold for every role
including the owner, and takes UPDATE, DELETE and TRUNCATE from the application's own role.

An empty table may be truncated: nothing is lost, and `seed_book` writes into a table truncated in its own transaction.
A table with rows is truncated only in a session that was opened with `EMPTYING` set to "allowed", by a role that has
the right. The tests do that, for their own databases; nothing in the product does.
"""

from django.db.migrations import RunSQL

APPLICATION_ROLE = "backoffice_app"
"""The database role the application works under: it may read and write, and on these tables only read and add."""

EMPTYING = "backoffice.emptying"
"""The setting of a database session that lets tables with rows be truncated; `calendars` heeds it too."""

CREATE_REFUSAL = f"""
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or deleted; write a correcting row', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END
$$;
CREATE OR REPLACE FUNCTION refuse_emptying() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    has_rows boolean;
BEGIN
    IF current_setting('{EMPTYING}', true) = 'allowed' THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I)', TG_TABLE_SCHEMA, TG_TABLE_NAME) INTO has_rows;
    IF has_rows THEN
        RAISE EXCEPTION '% is never emptied; write correcting rows', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END
$$;
"""  # noqa: S608 - the only name in it is a constant
DROP_REFUSAL = "DROP FUNCTION IF EXISTS refuse_change(), refuse_emptying();"

# Roles belong to the whole server: two databases may be migrated at once, and a managed server may not let us create
# one. Without the role the triggers still refuse; the grants are then for the operator to write.
CREATE_ROLE = f"""
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APPLICATION_ROLE}') THEN
        CREATE ROLE {APPLICATION_ROLE} NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE WARNING 'role {APPLICATION_ROLE} is missing and this role may not create it';
END
$$;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{APPLICATION_ROLE}') THEN
        GRANT USAGE ON SCHEMA public TO {APPLICATION_ROLE};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APPLICATION_ROLE};
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APPLICATION_ROLE};
        ALTER DEFAULT PRIVILEGES IN SCHEMA public
            GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APPLICATION_ROLE};
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {APPLICATION_ROLE};
    END IF;
END
$$;
"""  # noqa: S608 - the only name in it is a constant


def prepare_database() -> list[RunSQL]:
    """The functions the triggers call and the application's role with its grants; run once, in audit's first step."""
    return [
        RunSQL(sql=CREATE_REFUSAL, reverse_sql=DROP_REFUSAL),
        RunSQL(sql=CREATE_ROLE, reverse_sql=RunSQL.noop),
    ]


def forbid_changes(table: str) -> RunSQL:
    """Migration operation that makes `table` append-only. The migration must depend on audit's first one."""
    return RunSQL(
        sql=f"""
CREATE TRIGGER {table}_only_grows BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER {table}_is_never_emptied BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_emptying();
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{APPLICATION_ROLE}') THEN
        GRANT SELECT, INSERT ON {table} TO {APPLICATION_ROLE};
        REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {APPLICATION_ROLE};
    END IF;
END
$$;
""",  # noqa: S608 - table names are written in migrations
        reverse_sql=f"""
DROP TRIGGER IF EXISTS {table}_only_grows ON {table};
DROP TRIGGER IF EXISTS {table}_is_never_emptied ON {table};
""",
    )
