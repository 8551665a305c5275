"""The database backend of development and tests: PostgreSQL from its wheel, started on the first connection.

Production names a server in `DATABASE_URL` and uses Django's own backend; this module is then never imported.
"""

from typing import Any

from django.db.backends.postgresql import base

from backoffice.config.services import postgres


class DatabaseWrapper(base.DatabaseWrapper):
    """Starts the cluster named in `settings_dict["CLUSTER"]` if it is not running, then connects as usual."""

    def get_connection_params(self) -> dict[str, Any]:
        postgres.share(cluster=self.settings_dict["CLUSTER"])
        return super().get_connection_params()
