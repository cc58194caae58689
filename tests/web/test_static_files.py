"""Static files as production serves them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "sharing/static/sharing/js"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "consortium.web.static_files.StaticFiles"},
}


@pytest.fixture
def collected(settings, tmp_path) -> Path:
    settings.STORAGES, settings.STATIC_ROOT = STORAGES, tmp_path
    call_command("collectstatic", interactive=False, verbosity=0)
    return tmp_path


def folder_of_the_page() -> str:
    return str(staticfiles_storage.url("sharing/js/sealing.js")).removeprefix("/static/").removesuffix("/sealing.js")


def test_the_modules_of_a_page_are_of_one_state_and_are_what_was_published(collected):
    folder = folder_of_the_page()
    assert re.fullmatch(r"sharing/js/[0-9a-f]{16}", folder)
    for module in SOURCE.glob("*.js"):
        served = (collected / folder / module.name).read_bytes()
        assert served == module.read_bytes()
        for imported in re.findall(r'from "\./([^"]+)"', served.decode()):
            assert (collected / folder / imported).is_file()


def test_another_state_has_another_folder_and_the_earlier_one_stays(collected):
    before = folder_of_the_page()
    content = (SOURCE / "encoding.js").read_bytes() + b"\n// changed\n"
    (collected / "sharing/js/encoding.js").write_bytes(content)
    after = staticfiles_storage.hashed_name("sharing/js/sealing.js").removesuffix("/sealing.js")
    assert after != before
    assert (collected / before / "encoding.js").read_bytes() == (SOURCE / "encoding.js").read_bytes()


def test_other_files_have_their_digest_in_their_names(collected):
    assert re.search(r"sealing\.[0-9a-f]{12}\.css$", staticfiles_storage.url("sharing/sealing.css"))
