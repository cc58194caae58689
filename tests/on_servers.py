"""The platform's tests once more on a PostgreSQL server, when one answers on its standard local port.

`python -m tests.on_servers PYTEST-ARGUMENTS`. The server is asked without a password as `postgres`, or at
`CONCORD_TEST_SERVER`. Queues are covered by `tests/processes/test_deploy.py`, which uses RabbitMQ.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

import psycopg

SERVER = os.environ.get("CONCORD_TEST_SERVER", "postgres://postgres@127.0.0.1:5432")


def main() -> int:
    try:
        psycopg.connect(f"{SERVER}/postgres", connect_timeout=3).close()
    except psycopg.OperationalError:
        print(f"No PostgreSQL server answers at {SERVER}; its tests ran on the embedded one only.")
        return 0
    print(f"Once more on the server at {SERVER} ...")
    # pytest-django makes `test_<name>` of it; a name of our own, so that two checkouts do not meet.
    environment = {**os.environ, "DATABASE_URL": f"{SERVER}/concord_{secrets.token_hex(4)}"}
    return subprocess.run([sys.executable, "-m", "pytest", *sys.argv[1:]], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
