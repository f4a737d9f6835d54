"""How large a clinic is, and which releases it has."""

from datetime import date

import pytest

from clinic.releases import available
from clinic.seed import Population
from clinic.unusable import Unusable


def test_five_million_appointments_are_two_a_doctor_and_day() -> None:
    population = Population.of(5_000_000)
    assert (population.doctors, population.patients) == (20_000, 200_000)
    assert population.appointments / population.doctors / population.days == 2
    assert population.last_day == date(2026, 5, 5)


def test_a_clinic_is_not_made_too_small() -> None:
    with pytest.raises(Unusable, match="at least 1,000"):
        Population.of(999)


def test_releases_are_in_their_order_and_say_what_changed() -> None:
    releases = list(available().values())
    assert [release.version for release in releases] == ["1.8.1", "1.8.2"]
    assert sorted(releases, key=lambda release: release.released_on) == releases
    assert all(release.changes for release in releases)
