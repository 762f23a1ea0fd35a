"""White noise of other generators: every file gives the density of its numbers, and what is no noise is refused."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

import halonet
from halonet.checks.errors import StorageError
from halonet.cosmology import write_power_spectrum
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.density import linear_density, linear_density_of
from halonet.initial_conditions.noise import white_noise
from halonet.initial_conditions.phases import open_phases
from halonet.mocks.box import MockBox
from halonet.mocks.request import MockRequest
from halonet.plausibility.spectrum import shape_without_wiggles
from halonet.plausibility.verdict import PlausibilityError
from halonet.plausibility.whiteness import _binned
from halonet.provenance import file_digest
from halonet.settings import CosmologySettings, SettingsError

CELLS = 16
SLABS = Slabs(CELLS)
K = np.geomspace(1e-3, 50, 300)  # 1/Mpc
BOX = (float(CELLS), K, 400 * K**-1.5, CosmologySettings())


@pytest.fixture(scope="module")
def noise():
    return white_noise(SLABS, 11)


def density_of(given, **options):
    phases = open_phases(given)
    return linear_density_of(SLABS, phases.planes_of(SLABS), *BOX, phases.source, **options)


def write_grafic(path, noise, marker="<i4", kind="<f4"):
    """Fortran records as GRAFIC writes them: sides and seed, then planes of constant z with x running fastest."""
    planes = noise.transpose(2, 1, 0).astype(kind)
    with open(path, "wb") as file:
        for record in (np.array([*noise.shape, 7], marker[0] + "i4"), *planes):
            length = np.array(record.nbytes, marker)
            file.write(length.tobytes() + np.ascontiguousarray(record).tobytes() + length.tobytes())


def write_music(path, noise, kind="<f8"):
    path.write_bytes(np.array(noise.shape, "<u4").tobytes() + noise.astype(kind).tobytes())


def write_hdf5(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values


WRITERS = {
    "numpy": lambda path, noise: np.save(path, noise),
    "numpy, Fortran order": lambda path, noise: np.save(path, np.asfortranarray(noise)),
    "HDF5": lambda path, noise: write_hdf5(path, white=noise),
    "HDF5, usual name": lambda path, noise: write_hdf5(path, other=np.zeros(3), phases=noise),
    "GRAFIC": write_grafic,
    "GRAFIC, big endian": lambda path, noise: write_grafic(path, noise, ">i4", ">f4"),
    "GRAFIC, double": lambda path, noise: write_grafic(path, noise, "<i4", "<f8"),
    "GRAFIC, long markers": lambda path, noise: write_grafic(path, noise, "<i8"),
    "MUSIC": write_music,
    "MUSIC, single": lambda path, noise: write_music(path, noise, "<f4"),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_the_projects_own_noise_in_any_file_gives_the_density_of_its_seed_bit_for_bit(tmp_path, noise, kind):
    path = tmp_path / "noise.npy"
    WRITERS[kind](path, noise)
    np.testing.assert_array_equal(density_of(path), linear_density(SLABS, 11, *BOX))


def test_an_array_and_a_dataset_behind_a_colon_give_it_too(tmp_path, noise):
    expected = linear_density(SLABS, 11, *BOX)
    np.testing.assert_array_equal(density_of(noise.astype(np.float64)), expected)
    path = tmp_path / "two: fields.h5"  # a colon in the name is none
    write_hdf5(path, a=np.zeros((CELLS,) * 3), b=noise)
    np.testing.assert_array_equal(density_of(f"{path}:b"), expected)


def test_a_peak_of_the_noise_is_a_peak_of_the_density_in_its_own_cell(noise):
    peaked = noise.copy()
    peaked[3, 9, 14] += 5
    difference = linear_density_of(SLABS, peaked, *BOX) - linear_density_of(SLABS, noise, *BOX)
    assert np.unravel_index(difference.argmax(), difference.shape) == (3, 9, 14)


def test_the_box_of_kept_phases_is_that_of_the_seed_and_the_flipped_one_has_the_negative_density(tmp_path):
    write_power_spectrum(tmp_path / "power.csv", K, shape_without_wiggles(K, CosmologySettings()))
    common, slabs = {"power_spectrum": tmp_path / "power.csv"}, Slabs(32)
    kept, plain = {"phases": tmp_path / "noise.h5"}, MockRequest(seed=3, cells=32, **common)
    density = MockBox(replace(plain, keep=kept)).density_slab(slabs)
    np.testing.assert_array_equal(density, MockBox(plain).density_slab(slabs))
    again = MockBox(MockRequest(phases=str(kept["phases"]), **common))
    np.testing.assert_array_equal(again.density_slab(slabs), density)
    assert (again.header.seed, again.header.box_size_mpc) == (None, 32.0)
    assert again.provenance({})["phases"] == {
        "source": "noise.h5: phases",
        "digest": file_digest(kept["phases"]),
    }
    flipped = MockBox(MockRequest(phases=kept["phases"], flip_phases=True, **common))
    np.testing.assert_array_equal(flipped.density_slab(slabs), -density)
    assert flipped.provenance({})["flip_phases"]


def test_phases_of_fixed_amplitude_are_white_noise_too(noise):
    modes = np.fft.rfftn(noise)
    fixed = np.fft.irfftn(modes / np.abs(modes) * CELLS**1.5, s=noise.shape, axes=(0, 1, 2))
    assert np.isfinite(linear_density_of(SLABS, fixed.astype(np.float32), *BOX)).all()


def test_a_thousand_boxes_of_white_noise_are_not_refused():
    for cells in (8, 16):
        for seed in range(500):
            linear_density_of(Slabs(cells), white_noise(Slabs(cells), seed), float(cells), *BOX[1:])


def test_of_a_large_box_some_planes_stand_for_all():
    slabs, box = Slabs(128), (128.0, *BOX[1:])
    large = white_noise(slabs, 3)
    linear_density_of(slabs, large, *box)
    with pytest.raises(PlausibilityError, match=r"the noise has the variance 0\.93"):
        linear_density_of(slabs, np.where(np.arange(128)[:, None, None] < 8, np.float32(0), large), *box)
    smoothed = (large + np.roll(large, 1, axis=0)) / np.float32(2**0.5)
    with pytest.raises(PlausibilityError, match="no white noise, its spectrum is"):
        linear_density_of(slabs, smoothed, *box)


def blocks(noise):
    """Noise of a coarser grid in a finer one: every number eight times."""
    return np.repeat(np.repeat(np.repeat(noise[:8, :8, :8], 2, 0), 2, 1), 2, 2)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda noise: 2 * noise, "the noise has the variance .*divide it by its standard deviation"),
        (lambda noise: noise * CELLS**1.5, "the noise has the variance"),
        (lambda noise: noise + 1, "the noise has the mean 1.0"),
        (lambda noise: np.zeros_like(noise), "variance 0"),
        (lambda noise: np.sqrt(12) * (white_uniform() - 0.5), "not Gaussian, its excess kurtosis is -1.2"),
        (blocks, "no white noise, its spectrum is"),
        (lambda noise: linear_density(SLABS, 11, *BOX), "the noise has the variance"),
        (
            lambda noise: standardised(linear_density(SLABS, 11, *BOX)),
            "no white noise, its .* from 0.00 to",
        ),
    ],
)
def test_what_is_no_white_noise_of_unit_variance_is_refused_and_taken_with_the_flag(noise, spoil, words, caplog):
    wrong = spoil(noise).astype(np.float32)
    with pytest.raises(PlausibilityError, match=f"phases: .*{words}"):
        density_of(wrong)
    density_of(wrong, go_on=True)
    assert "gone on with --outside-validity" in caplog.text


def white_uniform():
    return np.random.default_rng(1).random((CELLS,) * 3)


def standardised(density):
    return density / density.std()


def archive(path, noise):
    with open(path, "wb") as file:
        np.savez(file, noise)


def pickled(path, noise):
    np.save(path, noise.astype(object), allow_pickle=True)


def too_large(path, noise):
    np.save(path, 1e300 * noise.astype(np.float64))


def cut(path, noise):
    write_grafic(path, noise)
    path.write_bytes(path.read_bytes()[:-100])


def damage(path, noise):
    write_grafic(path, noise)
    content = bytearray(path.read_bytes())
    content[24:28] = b"\0\0\0\1"
    path.write_bytes(content)


HOSTILE = {
    "complex": (lambda path, noise: np.save(path, np.fft.fftn(noise)), "complex numbers; phases are the real noise"),
    "complex in HDF5": (lambda path, noise: write_hdf5(path, noise=np.fft.fftn(noise)), "complex numbers"),
    "half of the modes": (lambda path, noise: np.save(path, noise[:, :, :9]), r"shape \(16, 16, 9\); a cube"),
    "flat": (lambda path, noise: np.save(path, noise.ravel()), r"shape \(4096,\); a cube"),
    "pickled": (
        pickled,
        "cannot be read as an array",
    ),
    "text": (lambda path, noise: np.save(path, noise.astype(str)), "not numbers"),
    "archive": (archive, "an archive of arrays"),
    "two datasets": (lambda path, noise: write_hdf5(path, a=noise, b=noise), "holds a, b; name the one of the noise"),
    "no dataset": (lambda path, noise: write_hdf5(path), "holds no dataset"),
    "raw": (lambda path, noise: path.write_bytes(noise.tobytes()), "of no known kind; numpy, HDF5, GRAFIC"),
    "empty": (lambda path, noise: path.write_bytes(b""), "of no known kind"),
    "cut off": (cut, "which are not those of GRAFIC records of 16 x 16 x 16"),
    "damaged": (damage, "a record is not 1024 bytes long"),
    "not finite": (lambda path, noise: np.save(path, np.where(noise > 3, np.nan, noise)), "values are not finite"),
    "too large": (too_large, "values are not finite"),
    "another grid": (
        lambda path, noise: np.save(path, noise[:8, :8, :8]),
        r"phases of 8\^3 cells; 16\^3 are asked for",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_that_holds_no_such_cube_is_named_with_what_is_wrong(tmp_path, noise, kind):
    path = tmp_path / "noise.npy"
    spoil, words = HOSTILE[kind]
    spoil(path, noise)
    with pytest.raises(StorageError, match=f"{path.name}.*{words}"):
        density_of(path)


def test_a_dataset_that_is_not_there_and_a_file_without_any_are_named(tmp_path, noise):
    write_hdf5(tmp_path / "a.h5", noise=noise)
    np.save(tmp_path / "a.npy", noise)
    with pytest.raises(StorageError, match=r"a.h5: no dataset 'phase'; it holds noise"):
        open_phases(f"{tmp_path / 'a.h5'}:phase")
    with pytest.raises(StorageError, match=r"a.npy: is no HDF5 file and has no dataset 'noise'"):
        open_phases(f"{tmp_path / 'a.npy'}:noise")
    with pytest.raises(StorageError, match=r"b.npy: No such file"):
        open_phases(tmp_path / "b.npy")


@pytest.mark.parametrize(
    ("request_of", "words"),
    [
        (lambda: MockRequest(seed=1, phases=np.ones((8, 8, 8))), "one of them and not seed and phases"),
        (lambda: MockRequest(), "one of them and not none"),
        (lambda: MockRequest(density="d.h5", flip_phases=True), "no phases to flip or keep"),
        (lambda: MockRequest(density="d.h5", keep={"phases": "p.h5"}), "no phases to flip or keep"),
        (lambda: halonet.draw_density(seed=1, phases=np.ones((8, 8, 8))), "one of them and not seed and phases"),
        (lambda: halonet.make_mock(phases=np.zeros((4, 8, 8))), r"phases have shape \(4, 8, 8\)"),
    ],
)
def test_requests_that_contradict_themselves_are_refused(request_of, words):
    with pytest.raises((SettingsError, StorageError), match=words):
        request_of()


def test_every_mode_of_the_cube_counts_once_in_the_spectrum_of_the_noise(noise):
    cells = len(noise)
    slabs = Slabs(cells)
    power, weight = _binned(slabs.forward(noise), slabs)
    assert weight.sum() == cells**3 - 1
    assert power.sum() == pytest.approx(cells**6 * noise.astype(float).var(), rel=1e-5)  # Parseval
