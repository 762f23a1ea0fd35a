"""The training curve as TensorBoard events: ``tensorboard --logdir results/<run>/networks``.

The file is a function of the history alone, which checkpoints hold: a resumed run goes on in it, without a record twice
or missing. TensorBoard keeps the file open, so a new record is appended; only where the file holds something else (the
run was killed after a record that its last checkpoint does not know) it is replaced, atomically.
"""

import struct
from pathlib import Path

from halonet.storage import atomic_path

EVENTS = "events/events.out.tfevents.0.halonet"  # TensorBoard wants the middle of the name
TAGS = {
    "loss": "training/loss",
    "training_dice": "training/dice",
    "validation_loss": "validation/loss",
    "validation_dice": "validation/dice",
    "validation_foreground_dice": "validation/foreground_dice",
    "validation_voxel_dice": "validation/voxel_dice",
    "floor": "validation/floor",
    "validation_offset_error": "validation/offset_error",
    "validation_radius_error": "validation/radius_error",
    "learning_rate": "run/learning_rate",
    "epoch": "run/epoch",
    "samples_per_second": "run/samples_per_second",
}


def write_events(folder: str | Path, history: list[dict]) -> None:
    """Bring the events of ``folder`` up to ``history``, whose records hold step, ``time`` (Unix, s) and measures."""
    path, events = Path(folder) / EVENTS, _events(history)
    held = path.read_bytes() if path.is_file() else b""
    if held and events.startswith(held):
        # Killed here, it leaves a shorter beginning, which the next call completes.
        with open(path, "ab") as file:
            file.write(events[len(held) :])
        return
    with atomic_path(path) as temporary:
        temporary.write_bytes(events)


def _events(history: list[dict]) -> bytes:
    # The protocol alone: tensorboardX' own writer stamps name and head of the file with the time.
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary

    events = [Event(wall_time=history[0].get("time", 0.0) if history else 0.0, file_version="brain.Event:2")]
    for record in history:
        values = [Summary.Value(tag=tag, simple_value=record[name]) for name, tag in TAGS.items() if name in record]
        events.append(Event(wall_time=record.get("time", 0.0), step=record["step"], summary=Summary(value=values)))
    return b"".join(_framed(event.SerializeToString(deterministic=True)) for event in events)


def _framed(data: bytes) -> bytes:
    """Record of a TFRecord file: length and content, each with its checksum."""
    from tensorboardX.record_writer import masked_crc32c

    parts = struct.pack("<Q", len(data)), data
    return b"".join(part + struct.pack("<I", masked_crc32c(part)) for part in parts)
