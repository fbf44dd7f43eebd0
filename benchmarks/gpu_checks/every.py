"""Importing this registers every check; `ORDER` begins with what matters most."""

from gpu_checks import commands, distributed, latency, memory, precision, sharing, training

__all__ = ["ORDER"]

ORDER = tuple(
    function.__name__
    for function in (
        precision.precision,
        sharing.sharing,
        memory.memory,
        memory.out_of_memory_retries,
        memory.auto_packing,
        latency.latency,
        latency.energy,
        training.determinism,
        training.resume,
        distributed.ddp,
        latency.onnx,
        commands.commands,
        training.overhead,
        training.compiling,
    )
)
