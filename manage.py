#!/usr/bin/env python
"""The command line of the backoffice."""

import os
import sys

from django.core.management import execute_from_command_line

from backoffice.config.environment import UnsafeEnvironment, is_bare


def main() -> None:
    """Runs one management command; an environment that says nothing at all means a development machine."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.config.settings")
    if is_bare(environment=os.environ):
        os.environ["DEBUG"] = "1"
    try:
        execute_from_command_line(sys.argv)
    except UnsafeEnvironment as refusal:
        sys.exit(str(refusal))


if __name__ == "__main__":
    main()
