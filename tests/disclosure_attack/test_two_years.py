"""Nobody is recovered from the releases of a round and their revisions, by the outsider or by a member."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anonymize.disclosure.policy import DisclosurePolicy
from tests.disclosure_attack.test_pooled_tables import small_template
from tests.disclosure_attack.two_years import cast, rates_known, recovered, released, sums_known, told

MEMBERS, MONTHS, SEED = 16, 3, 11
PEOPLE = cast(MEMBERS, np.random.default_rng(SEED))


def policy_of(**changes):
    return replace(small_template((3,)).disclosure, **changes)


def attacked(versions, coalitions, policy):
    """What these coalitions recover from the files of one month."""
    found = list(told(versions, policy))
    for known in (sums_known(versions), rates_known(versions)):
        for attackers in coalitions:
            found += [(attackers, each) for each in recovered(known, attackers)]
    return found


def owners(versions):
    return sorted({owner for version in versions for owner in version.owners})


@pytest.mark.parametrize("number", range(MONTHS))
def test_outsiders_and_members_recover_nobody_from_a_round_and_its_revision(number):
    versions = released(number, PEOPLE, SEED)
    assert sum(len(version.rows) for version in versions)
    everybody = owners(versions)
    # Every member attacks, a sixth of them each month; the outsider always.
    some = everybody[number::6]
    assert attacked(versions, [(), *((each,) for each in some)], policy_of()) == []


def test_without_the_quantiles_minimum_it_is_told_that_they_are_of_few():
    loose = policy_of(median_minimum=3, quartiles_minimum=3, deciles_minimum=3)
    assert "quantile of few" in told(released(1, PEOPLE, SEED, policy=loose), policy_of())


def test_the_default_policy_is_the_one_that_is_attacked():
    assert policy_of().p_percent == DisclosurePolicy().p_percent
