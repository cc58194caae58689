"""Every text of the portal is there in both languages."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
PO = ROOT / "consortium" / "web" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
CALLS = {"_", "gettext", "gettext_lazy", "pgettext", "pgettext_lazy", "ngettext", "ngettext_lazy"}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    with PO.open("rb") as file:
        return read_po(file, locale="zh_Hans")


def messages(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def texts_in(source: str) -> set[str]:
    """The literal texts that a Python module, or a template made into one, asks to translate."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            position = 1 if node.func.id.startswith("p") else 0
            text = node.args[position] if len(node.args) > position else None
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                found.add(text.value)
    return found


def sources() -> list[Path]:
    roots = (ROOT / "consortium", ROOT / "sharing")
    return [path for root in roots for path in root.rglob("*") if path.suffix in {".py", ".html"}]


def texts_of(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return texts_in(text)
    calls = re.findall(r"n?p?gettext\(.*?\)\s|_\(.*?\)\s", templatize(text, origin=str(path)) + "\n", re.DOTALL)
    found: set[str] = set()
    for call in calls:
        try:
            found |= texts_in(call.strip())
        except SyntaxError:
            continue
    return found


def test_every_text_has_a_chinese_translation_and_none_is_a_guess(catalog):
    strings = {m.id: m.string if isinstance(m.string, str) else m.string[0] for m in messages(catalog)}
    assert [text for text, chinese in strings.items() if not chinese] == []
    assert [m.id for m in messages(catalog) if m.fuzzy] == []


def test_every_text_in_the_code_is_in_the_catalog(catalog):
    known = {m.id if isinstance(m.id, str) else m.id[0] for m in messages(catalog)}
    found = {path.name: texts_of(path) for path in sources()}
    assert sum(name.endswith(".html") for name, texts in found.items() if texts) > 20  # templates are read at all
    missing = {name: texts - known for name, texts in found.items() if texts - known}
    assert missing == {}, "python manage.py makemessages -l zh_Hans writes them into the catalog"


def test_placeholders_are_the_same_in_both_languages(catalog):
    placeholder = re.compile(r"%\(\w+\)s|\{\w+\}|%s")
    for message in messages(catalog):
        english = message.id if isinstance(message.id, str) else message.id[1]
        chinese = message.string if isinstance(message.string, str) else message.string[0]
        assert sorted(placeholder.findall(english)) == sorted(placeholder.findall(chinese)), english


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="gettext is not installed here")
def test_the_catalog_compiles_without_a_complaint(tmp_path):
    command = ["msgfmt", "--check", "--output-file", str(tmp_path / "django.mo"), str(PO)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
