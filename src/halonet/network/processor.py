"""What the processor can do for networks, as OpenVINO says; without OpenVINO, nothing beyond single precision."""

import os
from importlib.util import find_spec

# What oneDNN may be held back to by its variable, of which OpenVINO does not know when it says what a processor can.
WITHOUT_BFLOAT16 = {"SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI"}


def has_openvino() -> bool:
    """Whether OpenVINO is installed."""
    return find_spec("openvino") is not None


def has_bfloat16() -> bool:
    """Whether OpenVINO computes in bfloat16 here."""
    if not has_openvino() or os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() in WITHOUT_BFLOAT16:
        return False
    from openvino import Core

    return "BF16" in Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
