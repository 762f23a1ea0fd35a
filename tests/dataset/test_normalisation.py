import json
import shutil

import numpy as np
import pytest

from halonet.dataset.normalisation import measure, read_normalisation, standard_deviation, write_normalisation
from halonet.storage import FieldHeader, StorageError, read_field, write_field


def test_a_boxs_deviation_is_the_standard_deviation_of_its_density(ground_truth):
    path = ground_truth / "001" / "density.h5"
    assert standard_deviation(path) == pytest.approx(read_field(path, "density").std(dtype=float), rel=1e-12)


def test_the_global_deviation_is_the_mean_over_training_boxes_only(ground_truth):
    normalisation, cells = measure(ground_truth, [0, 1, 2], [0, 1])
    assert cells == 16
    assert normalisation.mean_deviation == pytest.approx(np.mean([normalisation.boxes[0], normalisation.boxes[1]]))
    assert normalisation.of_box(2, "global") == normalisation.mean_deviation
    assert normalisation.of_box(2, "individual") == normalisation.boxes[2]


def test_a_normalisation_reads_as_it_was_written(ground_truth, tmp_path):
    normalisation, _ = measure(ground_truth, [0, 1], [0])
    write_normalisation(tmp_path / "n.json", normalisation)
    assert read_normalisation(tmp_path / "n.json") == normalisation


def test_the_cosmology_of_the_boxes_is_declared_where_they_agree_on_it(tmp_path):
    density = np.random.default_rng(1).normal(size=(8, 8, 8)).astype("f4")
    for box, sigma8 in enumerate((0.8, 0.8, 0.9)):
        header = FieldHeader(8.0, 0.5, {"h": 0.7, "sigma8": sigma8, "redshift": 0.0})
        write_field(tmp_path / f"{box:03d}" / "density.h5", "density", density, header)
    alike, _ = measure(tmp_path, [0, 1], [0])
    assert alike.cosmology == {"h": 0.7, "sigma8": 0.8, "redshift": 0.5}
    write_normalisation(tmp_path / "n.json", alike)
    assert read_normalisation(tmp_path / "n.json") == alike
    assert measure(tmp_path, [0, 1, 2], [0])[0].cosmology is None


@pytest.mark.parametrize(
    "values", [{"global": 1.0}, {"global": 0.0, "cell_size_mpc": 1.0, "boxes": {}}, {"global": "x"}, []]
)
def test_an_unusable_normalisation_is_named(tmp_path, values):
    (tmp_path / "n.json").write_text(json.dumps(values))
    with pytest.raises(StorageError, match=r"n\.json"):
        read_normalisation(tmp_path / "n.json")


def test_boxes_of_different_size_are_refused_by_file(ground_truth, tmp_path):
    shutil.copytree(ground_truth / "000", tmp_path / "000")
    write_field(tmp_path / "001" / "density.h5", "density", np.ones((16, 16, 16), "f4"), FieldHeader(20.0))
    with pytest.raises(StorageError, match=r"001/density\.h5: 16 cells in 20\.0 Mpc, but .*000/density\.h5"):
        measure(tmp_path, [0, 1], [0])


def test_a_constant_density_is_refused(tmp_path):
    write_field(tmp_path / "density.h5", "density", np.zeros((8, 8, 8), "f4"), FieldHeader(8.0))
    with pytest.raises(StorageError, match="the same everywhere"):
        standard_deviation(tmp_path / "density.h5")
