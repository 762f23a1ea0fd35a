"""Training steps: TensorFlow beside JAX and torch as Keras' backends, and MONAI's V-Net on torch."""

import os
from tempfile import TemporaryDirectory

import numpy as np

from performance.measuring import peak_memory, row, timed

OWN = ("vnet-small", "vnet-small-channels", "vnet5")
WINDOW = 64
BESIDE = {"jax": ("vnet-small",), "torch": ("vnet-small",)}
SECONDS = 4.0


def cases(options):
    common = {"threads": options.threads, "folder": str(options.work)}
    found = [common | {"preset": preset, "backend": "tensorflow"} for preset in OWN]
    found += [common | {"preset": preset, "backend": name} for name in BESIDE for preset in BESIDE[name]]
    return [*found, common | {"preset": "MONAI's V-Net", "backend": "monai"}]


def measure(case):
    return monai_step(case) if case["backend"] == "monai" else keras_step(case)


def keras_step(case):
    """One preset on one backend of Keras, by ``benchmarks/training.py``."""
    os.environ["KERAS_BACKEND"] = case["backend"]
    import training

    with TemporaryDirectory(dir=case["folder"]) as folder:
        boxes = {"folder": folder, "boxes": 1, "cells": 128}
        training.make_boxes(folder, 1, 128)
        options = {"precision": "float32", "window": WINDOW, "batch": 1, "seconds": SECONDS, "gpus": 0}
        found = training.measure_case(boxes | options | {"preset": case["preset"], "threads": case["threads"]})
    times = {"seconds": found["seconds_per_step"], "bytes": 1e9 * found["peak_memory_gb"]}
    flops = found["tflop_per_second"] * found["seconds_per_step"] * 1e12
    fed = found["samples_per_second_with_reader"]
    notes = {"preset": case["preset"], "threads": case["threads"], "seconds_with_reader": fed and 1 / fed}
    notes |= {"backend": case["backend"], "versions": found["versions"], "voxels": WINDOW**3}
    notes |= {"backend_matmul": 1e12 * found["matmul_tflop_per_second"]}
    stage = f"training step, {case['preset']}"
    if case["backend"] != "tensorflow":
        notes |= {"peer_of": stage, "name": f"Keras on {case['backend']}"}
    return [row(stage, times, WINDOW, {"flops": flops}, **notes)]


def monai_step(case):
    """Forward pass and training step of MONAI's V-Net, with the operations of its convolutions."""
    import torch
    from monai.networks.nets import VNet

    torch.set_num_threads(case["threads"])
    network = VNet(spatial_dims=3, in_channels=1, out_channels=2)
    random = np.random.default_rng(1)
    inputs = torch.from_numpy(random.normal(size=(1, 1, WINDOW, WINDOW, WINDOW)).astype(np.float32))
    flops = torch_flops(network, inputs)
    optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9)

    def step():
        optimizer.zero_grad()
        network(inputs).square().mean().backward()
        optimizer.step()

    step()
    with peak_memory() as peak:
        times, _ = timed(step, enough=2 * SECONDS)
    notes = {"preset": case["preset"], "threads": case["threads"], "voxels": WINDOW**3}
    # Networks differ: the time is that of as many operations as those of the paper's V-Net.
    notes |= {"peer_of": "training step, vnet5", "name": "MONAI's V-Net, for as many FLOP", "per_flop": True}
    return [row("training step, MONAI's V-Net", times | {"bytes": peak.bytes}, WINDOW, {"flops": 3 * flops}, **notes)]


def torch_flops(network, inputs):
    """Operations of a forward pass: 2 k^3 c_in c_out for each voxel, as :mod:`halonet.network.flops` counts them."""
    import torch

    total, handles = [0], []

    def count(layer, arguments, output):
        voxels = (arguments[0] if isinstance(layer, torch.nn.ConvTranspose3d) else output)[0, 0].numel()
        total[0] += 2 * layer.weight[0, 0].numel() * layer.in_channels * layer.out_channels * voxels

    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv3d | torch.nn.ConvTranspose3d):
            handles.append(layer.register_forward_hook(count))
    with torch.no_grad():
        network(inputs)
    for handle in handles:
        handle.remove()
    return total[0]
