"""Prediction of a box in tiles, beside other backends of Keras and MONAI's sliding window."""

import os

import numpy as np

from performance import boxes
from performance.measuring import measured, peer, row

BESIDE = 128  # cells of the box that the other backends and MONAI predict
ROUNDS = {"repeats": 3}


def cases(options):
    common = {"threads": options.threads, "folder": str(options.work)}
    found = [common | {"cells": cells, "backend": "tensorflow"} for cells in options.sizes]
    beside = min(BESIDE, options.largest)
    return found + [common | {"cells": beside, "backend": backend} for backend in ("jax", "torch")]


def tile_of(cells):
    """Tile of a box and its buffer: the core divides every size here."""
    return min(cells, 128) + 64, 32


def measure(case):
    os.environ["KERAS_BACKEND"] = case["backend"]
    from halonet.grid.slabs import Slabs
    from halonet.network.devices import prepare_devices
    from halonet.network.folder import load_network
    from halonet.network.prediction import predict_box
    from halonet.settings import PredictionSettings

    cells, folder, threads = case["cells"], case["folder"], case["threads"]
    if case["backend"] == "tensorflow" and cells <= boxes.DRAWN:
        boxes.draw(folder, cells)
    density = boxes.density(folder, cells)
    prepare_devices(threads, 0)
    if case["backend"] == "torch":
        import torch

        torch.set_num_threads(threads)
    network, (tile, buffer) = load_network(boxes.NETWORK), tile_of(cells)
    settings = PredictionSettings(tile=tile, buffer=buffer)
    network.model.predict_on_batch(np.zeros((1, tile, tile, tile, 1), np.float32))  # compiles
    times, found = measured(
        lambda: predict_box(network, density, boxes.CELL_SIZE, settings, slabs=Slabs(len(density), threads=threads)),
        **ROUNDS,
    )
    if case["backend"] == "tensorflow" and cells <= boxes.DRAWN:
        boxes.keep_probability(folder, found)
    work = {"flops": _flops(network.model, cells, tile, buffer)}
    notes, stage = {"threads": threads, "backend": case["backend"]}, "prediction of a box"
    if case["backend"] == "tensorflow":
        return [row(stage, times, cells, work, **notes), _tiling(density, tile, buffer)]
    notes |= {"peer_of": stage}
    rows = [row(stage, times, cells, work, name=f"Keras on {case['backend']}", **notes)]
    if case["backend"] == "torch":
        slid, other = measured(lambda: _slide(network, density, tile, buffer), **ROUNDS)
        difference = float(np.abs(other - found).max())
        name = "MONAI's sliding window, the same network on torch"
        rows.append(row(stage, slid, cells, work, name=name, largest_difference=difference, **notes))
    return rows


def _flops(model, cells, tile, buffer):
    from halonet.network.flops import flops_per_voxel

    return flops_per_voxel(model) * tile**3 * (cells // (tile - 2 * buffer)) ** 3


def _slide(network, density, tile, buffer):
    """Prediction by MONAI: the box, its periodic surroundings, and the same tiles, of which it averages overlaps."""
    import torch
    from monai.inferers import sliding_window_inference

    padded = np.pad(density, buffer, mode="wrap") / np.float32(network.normalisation.mean_deviation)

    def predict(tiles):
        return network.model(tiles.movedim(1, -1)).movedim(-1, 1)

    with torch.no_grad():
        whole = sliding_window_inference(torch.from_numpy(padded)[None, None], tile, 1, predict, 2 * buffer / tile)
    return whole[0, 0, buffer:-buffer, buffer:-buffer, buffer:-buffer].numpy()


def _tiling(density, tile, buffer):
    """Cutting a box into tiles and putting cores together, without a network."""
    from halonet.grid.tiles import map_tiles

    def by_monai():
        import torch
        from monai.inferers import sliding_window_inference

        padded = torch.from_numpy(np.pad(density, buffer, mode="wrap"))[None, None]
        return sliding_window_inference(padded, tile, 1, lambda tiles: tiles, 2 * buffer / tile)

    times, _ = measured(lambda: map_tiles(lambda window: window, density, tile, buffer))
    read = 2 * 4 * tile**3 * (len(density) // (tile - 2 * buffer)) ** 3
    work = {"bytes": read + 3 * density.nbytes}  # tiles read and written, cores read, the result zeroed and written
    return row("tiles cut and put together", times, len(density), work, [peer("MONAI", by_monai)])
