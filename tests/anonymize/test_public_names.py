"""What `import anonymize` promises."""

from __future__ import annotations

import subprocess
import sys

import pytest

import anonymize


@pytest.mark.parametrize("name", dir(anonymize))
def test_every_promised_name_is_there_and_documented(name: str) -> None:
    assert (getattr(anonymize, name).__doc__ or "").strip()


def test_no_promised_name_is_hidden_by_a_module_of_the_same_name() -> None:
    code = (
        "import importlib, anonymize;"
        "[importlib.import_module(f'anonymize.{place.partition(\":\")[0]}') for place in anonymize._PLACES.values()];"
        "print([name for name in dir(anonymize) if type(getattr(anonymize, name)).__name__ == 'module'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_promised_name_has_a_place() -> None:
    assert set(anonymize.__all__) == set(anonymize._PLACES)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        anonymize.nonsense  # noqa: B018 - the access is what is tested
