"""The last one out: a small process that tidies up if the demo is killed before it can.

`python -m backoffice.config.services.guard PARENT RUN_DIRECTORY` waits until the parent is gone. A demo that ends
properly has stopped everything by then and there is nothing to do.
"""

import os
import signal
import sys
import time
from pathlib import Path

from backoffice.config.services import postgres, processes, valkey

POLL_SECONDS = 0.5


def main() -> None:
    """Waits for the parent's end, then ends what it left behind."""
    parent, folder = int(sys.argv[1]), Path(sys.argv[2])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    processes.end_marked(mark=str(folder))
    valkey.stop(server=valkey.Server(data=folder / "valkey"))
    postgres.stop(cluster=postgres.Cluster(data=folder / "postgres"))


if __name__ == "__main__":
    main()
