"""Small secrets of the database: sealed for one purpose, with one key."""

from __future__ import annotations

import pytest

from consortium.at_rest import seal, unseal


def test_what_is_sealed_comes_back():
    assert unseal(seal("a secret 密", "tests"), "tests") == "a secret 密"


def test_the_same_text_is_never_sealed_alike():
    assert seal("a secret", "tests") != seal("a secret", "tests")


def test_another_purpose_opens_nothing():
    with pytest.raises(ValueError, match="sealed for something else"):
        unseal(seal("a secret", "tests"), "other tests")


@pytest.mark.parametrize("sealed", ["", "a secret", "v1.", "v1.AAAA", "v1.%%%", "v2." + "A" * 60])
def test_what_was_never_sealed_is_refused(sealed):
    with pytest.raises(ValueError):
        unseal(sealed, "tests")


def test_a_changed_byte_is_noticed():
    sealed = seal("a secret", "tests")
    changed = sealed[:-6] + ("A" if sealed[-6] != "A" else "B") + sealed[-5:]
    with pytest.raises(ValueError, match="changed since"):
        unseal(changed, "tests")


def test_the_old_key_opens_while_it_is_kept(settings):
    sealed = seal("a secret", "tests")
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key" * 5
    assert unseal(sealed, "tests") == "a secret"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(ValueError, match="with another key"):
        unseal(sealed, "tests")
