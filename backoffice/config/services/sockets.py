"""Where a server listens: a Unix socket, in its data directory unless that path is too long for one."""

import hashlib
import os
import tempfile
from pathlib import Path

# A socket's path has room for 107 bytes on Linux and 103 on macOS.
LONGEST_PATH = 100


def directory_for(*, data: Path, name: str) -> Path:
    """The directory to put the socket `name` of the server with this data directory in."""
    if len(os.fsencode(data / name)) <= LONGEST_PATH:
        return data
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"backoffice-{os.geteuid()}-{digest}"
