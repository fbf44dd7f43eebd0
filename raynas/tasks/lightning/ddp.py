"""A trial on several GPUs: one process for each, which train on shares of the data together.

They are made here, of the process that the trial runs in, rather than by Ray Train, whose workers
would be reserved beside the trial's own devices and be started through the cluster for each trial
(a trial on two took 25 s that way before its first step), or by Lightning's own launchers, which
run the caller's script again or need a module that plain pickle takes. Lightning finds the
processes made, and does the rest: its ``"ddp"`` strategy, with the gradients averaged in each step.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudpickle

from raynas.errors import message_of
from raynas.garbage import freeze_imported, importing
from raynas.tasks.base import Context
from raynas.tasks.device_errors import out_of_memory
from raynas.tasks.process_state import adopt
from raynas.tasks.user_code import Packed, packed
from raynas.trials import Architecture, Measurement

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue

    from raynas.tasks.base import Task

__all__ = ["Whole", "on_ranks", "ranks"]

_SECONDS_BETWEEN_LOOKS = 0.05  # what a trial's end waits for at most
_HERE = "127.0.0.1"
_here = 1  # processes of this trial; set anew in each


def ranks() -> int:
    """How many processes run this process's trial: 1 but for those that `on_ranks` made."""
    return _here


def on_ranks(count: int, task: Task, architecture: Architecture, context: Context) -> Measurement:
    """Run `task` in `count` new processes at once; what the first of them measures.

    Reports and checkpoints of the first go through `context`. Where one fails, all are ended, and
    what it raised is raised here.

    They meet at a store that this process holds, so that no other can take its port meanwhile.

    Raises:
        Exception: Whatever `task` raises, or RuntimeError where that cannot be sent.
    """
    from torch.distributed import TCPStore  # type: ignore[attr-defined]
    from torch.multiprocessing.spawn import ProcessException, start_processes

    talk = multiprocessing.get_context("spawn")
    said, answered = talk.SimpleQueue(), talk.SimpleQueue()
    kept = context.kept()
    whose = (context.number, context.seed, context.gpu)
    work = packed((task, architecture, whose, kept, context.weights))
    store = TCPStore(_HERE, 0, None, is_master=True, wait_for_workers=False)
    processes = start_processes(  # type: ignore[no-untyped-call]
        _rank,
        (work, store.port, count, said, answered),
        nprocs=count,
        join=False,
        start_method="spawn",
    )
    measured: list[Measurement] = []
    try:
        while not processes.join(timeout=_SECONDS_BETWEEN_LOOKS):
            _listen(said, answered, context, measured)
        _listen(said, answered, context, measured)
    except ProcessException:
        _listen(said, answered, context, measured)  # raises what the process said, if it could
        raise
    finally:
        for process in processes.processes:
            process.kill()
            process.join()
        said.close()
        answered.close()
    return measured[0]


class Whole:
    """A loader that Lightning leaves as it is, so that every process validates on all of it."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __iter__(self) -> Any:
        return iter(self._loader)

    def __len__(self) -> int:
        return len(self._loader)


def _listen(
    said: SimpleQueue[Any], answered: SimpleQueue[Any], context: Context, measured: list[Any]
) -> None:
    """Do what the processes have asked for since."""
    while not said.empty():
        match said.get():
            case "report", step, metrics:
                context.report(step, metrics)
            case "keep", path:
                context.keep(path)
                answered.put("kept")
            case "costs", metrics:
                context.costs(metrics)
            case "measured", measurement:
                measured.append(measurement)
            case "raised", error:
                raise pickle.loads(error)  # noqa: S301 - made by our own process


def _rank(
    rank: int,
    work: Packed,
    port: int,
    count: int,
    said: SimpleQueue[Any],
    answered: SimpleQueue[Any],
) -> None:
    """What each process runs."""
    global _here
    _here = count
    os.environ.update(
        MASTER_ADDR=_HERE,
        MASTER_PORT=str(port),
        TORCHELASTIC_USE_AGENT_STORE="True",  # the port is a store's already
        TORCHELASTIC_RESTART_COUNT="0",
        WORLD_SIZE=str(count),
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        NODE_RANK="0",
    )

    def report(step: int, metrics: Mapping[str, float]) -> None:
        said.put(("report", step, dict(metrics)))

    def keep(path: Path) -> None:
        said.put(("keep", path))
        answered.get()

    def costs(metrics: Mapping[str, float]) -> None:
        said.put(("costs", dict(metrics)))

    try:
        with importing():
            task, architecture, whose, kept, weights = work.unpacked()
        freeze_imported()
        adopt(work.settings)
        number, seed, gpu = whose
        context = Context(number, seed, gpu, kept=lambda: kept)
        if rank == 0:
            context = Context(number, seed, gpu, report, keep, lambda: kept, weights, costs)
        measurement = task.run(architecture, context)
    except BaseException as error:
        said.put(("raised", _sent(error)))
        raise
    finally:
        _leave_group()
    if rank == 0:
        said.put(("measured", measurement))


def _leave_group() -> None:
    """End the threads of a process group, which would abort a process that ends before them."""
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        with suppress(Exception):
            distributed.destroy_process_group()


def _sent(error: BaseException) -> bytes:
    """`error`, pickled; another one that says the same where it cannot be.

    Pickle drops what led to an error, so one that came of a lack of memory is sent as that.
    """
    error = out_of_memory(error) or error
    with suppress(Exception):
        sent: bytes = cloudpickle.dumps(error)
        pickle.loads(sent)  # noqa: S301 - our own
        return sent
    return pickle.dumps(RuntimeError(f"{type(error).__name__}: {message_of(error)}"))
