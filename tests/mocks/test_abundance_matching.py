"""Masses remapped to a wanted mass function."""

import numpy as np
import pytest

from halonet.catalogue import read_catalogue, write_catalogue
from halonet.cosmology import compute_power_spectrum
from halonet.mocks.abundance_matching import MatchingError, mass_table, with_matched_masses
from halonet.settings import CosmologySettings
from halonet.statistics.mass_function import tinker_abundance

VOLUME = 100.0**3


@pytest.fixture(scope="module")
def tinker():
    cosmology = CosmologySettings()
    return tinker_abundance(cosmology, 0.0, *compute_power_spectrum(cosmology))


def test_matched_masses_follow_the_mass_function_of_tinker(power_law, tinker):
    catalogues = [power_law(seed) for seed in range(4)]
    table = mass_table(catalogues, *tinker)
    masses = np.concatenate([with_matched_masses(haloes, table, "tinker_2008")["mass"] for haloes in catalogues])
    for number in (100, 1000, 5000):
        cut = np.sort(masses)[-number]
        wanted = np.exp(np.interp(np.log(cut), np.log(tinker[0]), np.log(tinker[1]))) * 4 * VOLUME
        assert number == pytest.approx(wanted, rel=0.03)


def test_no_halo_overtakes_another_and_the_volume_stays_as_found(power_law, tinker):
    haloes = power_law(1)
    matched = with_matched_masses(haloes, mass_table([haloes], *tinker), "tinker_2008")
    np.testing.assert_array_equal(np.argsort(matched["mass"], kind="stable"), np.argsort(haloes["mass"], kind="stable"))
    for name in ("cells", "radius"):
        np.testing.assert_array_equal(matched[name], haloes[name])
    assert not np.allclose(matched["mass"], haloes["mass"], rtol=0.05)


def test_one_table_of_many_mocks_keeps_the_scatter_between_them(power_law, tinker):
    catalogues = [power_law(seed, haloes=2000 + 400 * seed) for seed in range(4)]
    table = mass_table(catalogues, *tinker)
    cut = table(np.array([27 * 3.4e10 * 5]))[0]
    above = [(with_matched_masses(h, table, "t")["mass"] >= cut).sum() for h in catalogues]
    assert above[-1] / above[0] == pytest.approx(3200 / 2000, rel=0.15)


def test_a_wanted_mass_function_equal_to_the_found_one_changes_no_mass(power_law):
    haloes = power_law(2, haloes=50000)
    masses = np.geomspace(1e10, 1e18, 200)
    abundance = 50000 / VOLUME * 27 * 3.4e10 / masses
    table = mass_table([haloes], masses, abundance)
    np.testing.assert_allclose(table(haloes["mass"]) / haloes["mass"], 1, atol=0.35)
    np.testing.assert_allclose(np.median(table(haloes["mass"]) / haloes["mass"]), 1, atol=0.01)


def test_the_table_travels_in_the_file(power_law, tinker, tmp_path):
    haloes = power_law(3)
    table = mass_table([haloes], *tinker)
    write_catalogue(tmp_path / "matched.h5", with_matched_masses(haloes, table, "tinker_2008"))
    note = read_catalogue(tmp_path / "matched.h5").notes["abundance_matching"]
    assert (note["mass_function"], note["catalogues"]) == ("tinker_2008", 1)
    np.testing.assert_array_equal(note["mass_found_msun"], table.found)
    np.testing.assert_array_equal(note["mass_matched_msun"], table.matched)


def test_too_few_haloes_and_too_short_a_mass_function_are_refused(power_law, tinker):
    with pytest.raises(MatchingError, match="5 haloes"):
        mass_table([power_law(1, haloes=5)], *tinker)
    with pytest.raises(MatchingError, match="wider range"):
        mass_table([power_law(1)], tinker[0][200:], tinker[1][200:])


def test_two_catalogues_are_matched_by_one_table_on_files(power_law, run_script, tmp_path):
    names = [tmp_path / f"{i}.h5" for i in range(4)]
    for seed, path in enumerate(names[:2]):
        write_catalogue(path, power_law(seed))
    run_script("match_abundance", "--haloes", *names[:2], "--matched", *names[2:])
    notes = [read_catalogue(path).notes["abundance_matching"] for path in names[2:]]
    assert notes[0] == notes[1]
    assert notes[0]["catalogues"] == 2
    again = run_script("match_abundance", "--haloes", names[2], "--matched", tmp_path / "twice.h5", check=False)
    assert again.returncode == 2
    assert "matched already" in again.stderr
    assert not (tmp_path / "twice.h5").exists()
