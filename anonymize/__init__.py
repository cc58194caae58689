"""Loan tapes reduced to protected aggregates, sealed and sent: what the commands of `concord` do, as typed Python.

    from anonymize import load_template, prepare, write_cube

    prepared = prepare("loans.parquet", "map.toml", load_template("delinquency"), "2026-10", "CN-001")
    Path("report.html").write_text(prepared.report_html)
    Path("cube.parquet").write_bytes(write_cube(prepared.cube))

The names below are promised; everything else may change. Each is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anonymize.aggregate import aggregate as aggregate_tape
    from anonymize.checks import Finding, check_cube, has_errors
    from anonymize.client import Client
    from anonymize.config import Config, load_config
    from anonymize.cube import Cells, Cube, read_cube, write_cube
    from anonymize.errors import ConcordError
    from anonymize.identifiers import IdentifierFinding, scan as find_identifiers
    from anonymize.ledger import Ledger
    from anonymize.linked import protect_together
    from anonymize.log import verify_consistency, verify_in_release, verify_leaves
    from anonymize.mapping import TapeMapping, load_mapping
    from anonymize.mappings.proposal import propose as propose_mapping
    from anonymize.package import SigningKey, seal as seal_cube, verify_receipt
    from anonymize.package.tree_head import verify_tree_head
    from anonymize.pipeline import Prepared, prepare
    from anonymize.pipeline_linked import prepare_together
    from anonymize.profile import profile as profile_tape
    from anonymize.protect import Protected, protect as protect_cells
    from anonymize.sdmx import to_structures
    from anonymize.sdmx_import import from_structures
    from anonymize.sending import push as push_cube
    from anonymize.simulate import simulate_tapes, simulated_tape
    from anonymize.stages import Stage
    from anonymize.tape import Tape, open_tape
    from anonymize.template import Template, load as load_template, parse as parse_template

__all__ = [
    "Cells",
    "Client",
    "ConcordError",
    "Config",
    "Cube",
    "Finding",
    "IdentifierFinding",
    "Ledger",
    "Prepared",
    "Protected",
    "SigningKey",
    "Stage",
    "Tape",
    "TapeMapping",
    "Template",
    "aggregate_tape",
    "check_cube",
    "find_identifiers",
    "from_structures",
    "has_errors",
    "load_config",
    "load_mapping",
    "load_template",
    "open_tape",
    "parse_template",
    "prepare",
    "prepare_together",
    "profile_tape",
    "propose_mapping",
    "protect_cells",
    "protect_together",
    "push_cube",
    "read_cube",
    "seal_cube",
    "simulate_tapes",
    "simulated_tape",
    "to_structures",
    "verify_consistency",
    "verify_in_release",
    "verify_leaves",
    "verify_receipt",
    "verify_tree_head",
    "write_cube",
]

# Name -> the module that holds it, and its name there where that is another.
_PLACES = {
    "aggregate_tape": "aggregate:aggregate",
    "Cells": "cube",
    "check_cube": "checks",
    "Client": "client",
    "ConcordError": "errors",
    "Config": "config",
    "Cube": "cube",
    "find_identifiers": "identifiers:scan",
    "Finding": "checks",
    "from_structures": "sdmx_import",
    "has_errors": "checks",
    "IdentifierFinding": "identifiers",
    "Ledger": "ledger",
    "load_config": "config",
    "load_mapping": "mapping",
    "load_template": "template:load",
    "open_tape": "tape",
    "parse_template": "template:parse",
    "prepare": "pipeline",
    "prepare_together": "pipeline_linked",
    "Prepared": "pipeline",
    "profile_tape": "profile:profile",
    "propose_mapping": "mappings.proposal:propose",
    "protect_cells": "protect:protect",
    "protect_together": "linked",
    "Protected": "protect",
    "push_cube": "sending:push",
    "read_cube": "cube",
    "seal_cube": "package:seal",
    "SigningKey": "package",
    "simulate_tapes": "simulate",
    "simulated_tape": "simulate",
    "Stage": "stages",
    "Tape": "tape",
    "TapeMapping": "mapping",
    "Template": "template",
    "to_structures": "sdmx",
    "verify_consistency": "log",
    "verify_in_release": "log",
    "verify_leaves": "log",
    "verify_receipt": "package",
    "verify_tree_head": "package.tree_head",
    "write_cube": "cube",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'anonymize' has no attribute {name!r}")
    module, _, original = _PLACES[name].partition(":")
    return getattr(import_module(f"anonymize.{module}"), original or name)


def __dir__() -> list[str]:
    return __all__
