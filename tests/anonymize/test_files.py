from __future__ import annotations

from pathlib import Path

import pytest

from anonymize.errors import ConfigError
from anonymize.files import only_one, read_whole, write_whole


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "cube.sealed"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert (read_whole(path), [each.name for each in tmp_path.iterdir()]) == (b"second", ["cube.sealed"])


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cube.sealed"
    write_whole(path, b"first")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match="No space left"):
        write_whole(path, b"second")
    assert (read_whole(path), [each.name for each in tmp_path.iterdir()]) == (b"first", ["cube.sealed"])


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        write_whole(tmp_path / "nowhere" / "cube.sealed", b"")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_whole(tmp_path / "nowhere")


@pytest.mark.parametrize("place", ["folder", "/dev/full"])
def test_a_lock_that_cannot_be_written_is_told(tmp_path: Path, place: str) -> None:
    """A folder of another user, a full disk: an error of the configuration, and no defect."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"), only_one(tmp_path / place):
        raise AssertionError("it was not held")
