"""How far noise takes every published value from the truth, from the template alone.

The bank's tape has no part in it, so a release may state it. What bounds cut off the largest borrowers is not in it: only
the bank knows how much that is.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from anonymize.cube import lattice
from anonymize.disclosure.noise import Noise, noises
from anonymize.errors import TemplateError
from anonymize.template import Template
from anonymize.template_protection import bound_units


def noise_error(template: Template) -> dict[str, NDArray[np.float64]]:
    """The standard error of every place of the lattice, for each measure in its unit."""
    found = noise_of(template)
    return {each.id: found[each.id].error / 10**each.decimals for each in template.measures}


def noise_of(template: Template) -> Mapping[str, Noise]:
    """The noise of each measure; TemplateError when the template has none."""
    if template.protection.noise is None:
        raise TemplateError(f"Template {template.id} is not protected by noise.")
    bounds = [bound_units(template, each) for each in template.measures]
    found = noises(template.protection.noise, lattice(template), bounds)
    return dict(zip(template.measure_ids, found, strict=True))
