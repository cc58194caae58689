"""`concord get`: a release as a file, or all its files with the consortium's signature over them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from anonymize.cli.options import chosen, config_option, where_option
from anonymize.cli.output import Output, command
from anonymize.client import Client
from anonymize.config import Config, load_config
from anonymize.errors import ConfigError
from anonymize.files import write_whole
from anonymize.package import PARQUET, XLSX
from anonymize.package.manifest import MANIFEST_NAME, ReleaseManifest, verify_manifest
from anonymize.pinned import trusting

MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".parquet": PARQUET,
    ".xlsx": XLSX,
}


@command(example="concord get delinquency-2026-10-r1 -o benchmark.csv --where INDICATOR=DPD30_RATE")
@click.argument("release")
@click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file; it is replaced.",
)
@click.option(
    "--files",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Download every file of the release into this folder, each proved to be as the consortium signed it.",
)
@where_option
@config_option
def get(
    output: Output,
    release: str,
    target: Path | None,
    folder: Path | None,
    where: tuple[str, ...],
    config_file: Path | None,
) -> None:
    """Download a release's cells; the ending of the file chooses CSV, JSON, Parquet or Excel.

    With --files every file of the release comes, with the signed manifest. A file that differs from what the consortium
    signed is refused, and then nothing is written.
    """
    if (target is None) == (folder is None):
        raise click.UsageError("Give either --output or --files.")
    if folder is not None:
        if where:
            raise click.UsageError("--files takes the whole release; choose cells with --output.")
        _get_files(output, release, folder, load_config(config_file))
    elif target is not None:
        _get_cells(output, release, target, where, config_file)


def _get_cells(output: Output, release: str, target: Path, where: tuple[str, ...], config_file: Path | None) -> None:
    media_type = MEDIA_TYPES.get(target.suffix.lower())
    if media_type is None:
        raise click.BadParameter(f"the file must end in {', '.join(MEDIA_TYPES)}", param_hint="--output")
    with Client(load_config(config_file)) as client:
        content = client.cells(release, media_type, chosen(where))
    write_whole(target, content)
    document = {"file": str(target), "release": release, "bytes": len(content)}
    output.result(document, f"{release}: {len(content):,} bytes in {target}.")


def _get_files(output: Output, release: str, folder: Path, config: Config) -> None:
    """Every file is proved before the first is written."""
    with Client(config) as client:
        signed = client.release_manifest(release)
        manifest = trusting(config, client, lambda jwks: verify_manifest(signed, jwks, release))
        contents = {each.name: client.release_file(release, each.name) for each in manifest.files}
    for name, content in contents.items():
        manifest.check(name, content)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        raise ConfigError(f"{folder} cannot be made: {wrong.strerror}.") from wrong
    for name, content in {**contents, f"{release}.{MANIFEST_NAME}": signed.encode()}.items():
        write_whole(folder / name, content)
    document = {
        "folder": str(folder),
        "release": release,
        "state": manifest.state,
        "content": manifest.content,
        "files": [each.name for each in manifest.files],
    }
    output.result(document, _sentence(manifest, folder))


def _sentence(manifest: ReleaseManifest, folder: Path) -> str:
    told = f"Proved: {len(manifest.files)} files of {manifest.release} in {folder} are as the consortium signed them."
    if manifest.content == "headlines":
        told += " They hold the headlines alone: your institution did not answer this round."
    if manifest.withdrawn_at:
        told += f" The release is withdrawn: {manifest.reason} Do not use its figures."
    return told
