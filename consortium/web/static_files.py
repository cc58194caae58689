"""Where static files are served from in production: under names that change with their content."""

from __future__ import annotations

import hashlib
from typing import Final

from django.core.files.base import File
from whitenoise.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]  # has no types

# Scripts that import each other by relative names.
MODULES: Final = frozenset({"sharing/js"})


class StaticFiles(CompressedManifestStaticFilesStorage):
    """A file's digest is in its name. Modules keep theirs and have one folder for each state of all of them.

    So a page that was opened before a deployment never imports a module of after it, and what is served is byte for byte
    what docs/sealing-in-the-browser.sha256 lists: nothing is written into an import. Folders of earlier states stay.
    """

    def hashed_name(self, name: str, content: File[bytes] | None = None, filename: str | None = None) -> str:
        folder, _, module = name.replace("\\", "/").rpartition("/")
        if folder not in MODULES:
            return str(super().hashed_name(name, content, filename))
        return f"{folder}/{self._state(folder)}/{module}"

    def _state(self, folder: str) -> str:
        digest = hashlib.sha256()
        for module in sorted(each for each in self.listdir(folder)[1] if each.endswith(".js")):
            with self.open(f"{folder}/{module}") as file:
                content = file.read()
            digest.update(f"{module} {len(content)} ".encode() + content)
        return digest.hexdigest()[:16]
