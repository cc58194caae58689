"""Temporary copies of a tape do not outlive the process that made them, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from anonymize.errors import ConfigError
from anonymize.tapes.workspace import Workspace, sweep

HOLD = """
import sys, time
from pathlib import Path
from anonymize.tapes.workspace import Workspace
workspace = Workspace(sys.argv[1])
Path(workspace.name, "rows").write_text("a borrower")
print(workspace.name, flush=True)
time.sleep(60)
"""


@pytest.fixture
def other_process(tmp_path: Path):
    """A process that holds a workspace in the folder, with a copy of a tape in it."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        folder = Path(process.stdout.readline().strip())
        assert (folder / "rows").exists()
        yield process, folder
        process.kill()


def test_what_a_killed_process_left_is_removed_when_the_next_begins(other_process, tmp_path: Path) -> None:
    process, folder = other_process
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert folder.exists()
    Workspace(str(tmp_path)).cleanup()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_process_that_lives_is_left_alone(other_process, tmp_path: Path) -> None:
    _process, folder = other_process
    assert sweep(tmp_path) == 0
    assert (folder / "rows").exists()


def test_only_its_owner_reads_it_and_the_name_tells_the_process(tmp_path: Path) -> None:
    with Workspace(str(tmp_path)) as name:
        assert Path(name).stat().st_mode & 0o777 == 0o700
        assert f"concord-{os.getpid()}-" in name


def test_a_workspace_that_nobody_cleans_up_is_gone_with_its_owner(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    del workspace
    assert list(tmp_path.iterdir()) == []


def test_nothing_but_left_workspaces_is_swept(tmp_path: Path) -> None:
    (tmp_path / "concord-notes").mkdir()
    (tmp_path / "concord-notes.lock").touch()
    assert sweep(tmp_path) == 0
    assert {each.name for each in tmp_path.iterdir()} == {"concord-notes", "concord-notes.lock"}


def test_many_at_once_each_have_their_own(tmp_path: Path) -> None:
    """Whoever sweeps meets others that are just making theirs."""
    names: list[str] = []

    def make() -> None:
        for _ in range(40):
            with Workspace(str(tmp_path)) as name:
                Path(name, "rows").write_text("a borrower")  # fails where another one removed the folder
                names.append(name)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(names), len(set(names)), list(tmp_path.iterdir())) == (240, 240, [])


def test_a_place_where_no_folder_can_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="No temporary folder"):
        Workspace(str(tmp_path / "file"))
