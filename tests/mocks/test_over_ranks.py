"""A mock over MPI ranks is that of one process. The loops over slabs have been compiled by the tests before it."""


def test_two_ranks_and_a_power_spectrum_made_beforehand_write_the_same_bytes(
    network_box, network_mock, run_script, tmp_path
):
    options = ("--ranks", 2, "--power-spectrum", network_mock / "power_spectrum.csv", "--output", tmp_path / "mock.h5")
    kept = ("--keep-density", tmp_path / "density.h5", "--keep-probability", tmp_path / "probability.h5")
    run_script("make_mock", *network_box, *options, *kept, ranks=2)
    for name in ("density.h5", "probability.h5", "mock.h5"):
        assert (tmp_path / name).read_bytes() == (network_mock / name).read_bytes()
