"""A network measured by a command: what is read, repeated, locked, tried again and kept secret."""

from __future__ import annotations

import json
import logging
import pickle
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock
from torch import nn

import raynas as nas
from raynas.errors import ConfigurationError, InfeasibleArchitecture, TaskError
from raynas.meters import CommandMeter
from raynas.redaction import secret
from raynas.space import integer, searchable
from raynas.target_device import command_meter, programs
from raynas.tasks.meters.meter import Subject
from raynas.tasks.meters.repeated_measurement import repeated
from raynas.trials import DEFERRED


@searchable
class Net:
    width: int = integer(1, 64)

    def build(self) -> nn.Module:
        return nn.Sequential(nn.Linear(4, self.width), nn.ReLU(), nn.Linear(self.width, 2))


SUBJECT = Subject(Net(8), torch.randn(1, 4))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nothing is exported, and nobody waits; gives the seconds that would have been waited."""
    waited: list[float] = []
    monkeypatch.setattr(
        command_meter, "write_program", lambda path, *_: path.write_bytes(b"a network")
    )
    monkeypatch.setattr(command_meter, "sleep", waited.append)
    return waited


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


class Device:
    """A shell script that notes how it is called, and acts by the number of the call."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        self.script = folder / "profile"

    def acts(self, *actions: str) -> list[str]:
        """The command; the last action is repeated."""
        cases = "\n".join(f"  {i}) {act} ;;" for i, act in enumerate(actions[:-1], 1))
        self.script.write_text(
            f'#!/bin/sh\necho "$@" >> {self.calls}\nn=$(wc -l < {self.calls})\n'
            f"case $((n)) in\n{cases}\n  *) {actions[-1]} ;;\nesac\n"
        )
        self.script.chmod(self.script.stat().st_mode | stat.S_IXUSR)
        return [str(self.script), "{name}", "{warm_up}", "{repeats}"]

    @property
    def lines(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


def meter(command: Sequence[str], **options: Any) -> CommandMeter:
    return CommandMeter(options.pop("device", "phone"), command, **options)


def test_an_exported_network_is_measured_by_the_runner() -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    command = (sys.executable, "{runner}", "{model}", "{inputs}", "{warm_up}", "{repeats}")
    found = meter(command, repeats=20, least_calls=2, most_calls=2, prefix="here/").measure(SUBJECT)
    assert 0 < found["here/latency_p50"] <= found["here/latency_p90"] <= found["here/latency_p99"]
    assert found["here/latency_p50_low"] <= found["here/latency_p50"]
    assert found["here/latency_p50_high"] >= found["here/latency_p50"]
    assert found["here/model_bytes"] > 4 * (4 * 8 + 8 + 8 * 2 + 2)
    assert found["here/peak_memory_bytes"] > 2**20


def test_the_files_are_the_network_and_its_inputs(tmp_path: Path) -> None:
    """What a device computes from the two is what the network computes."""
    command = ["cp", "{model}", "{inputs}", str(tmp_path)]
    kept = meter(command, format="torch", batch=3, read=lambda _: {"s": 1})
    assert kept.measure(SUBJECT)["model_bytes"] == (tmp_path / "model.pt2").stat().st_size
    inputs = torch.from_numpy(np.load(tmp_path / "inputs.npz")["0"])
    assert inputs.equal(SUBJECT.batch(3)[0])
    program = torch.export.load(tmp_path / "model.pt2")
    network = SUBJECT.build(SUBJECT.architecture)
    network[0].load_state_dict({k[2:]: v for k, v in program.state_dict.items() if k[0] == "0"})
    network[2].load_state_dict({k[2:]: v for k, v in program.state_dict.items() if k[0] == "2"})
    assert program.module()(inputs).allclose(network(inputs))


def test_samples_become_percentiles_and_numbers_medians(quick: Any, device: Device) -> None:
    calls = [
        {"latency": [1.0, 2.0, 3.0], "energy": 5.0},
        {"latency": [2.0, 2.0, 2.0], "energy": 7.0},
        {"latency": [2.0, 2.0, 9.0], "energy": 6.0},
    ]
    command = device.acts(*(f"echo noise; echo '{json.dumps(one)}'" for one in calls))
    found = meter(command, repeats=3, warm_up=4).measure(SUBJECT)
    assert found == {
        "latency_p50": 2.0,
        "latency_p90": pytest.approx(np.percentile([1, 2, 3, 2, 2, 2, 2, 2, 9], 90)),
        "latency_p99": pytest.approx(np.percentile([1, 2, 3, 2, 2, 2, 2, 2, 9], 99)),
        "latency_p50_low": 2.0,
        "latency_p50_high": 2.0,
        "energy": 6.0,
        "model_bytes": 9.0,
    }
    assert len(device.lines) == 3
    assert {line.split(maxsplit=1)[1] for line in device.lines} == {"4 3"}
    assert len({line.split()[0] for line in device.lines}) == 1


@pytest.mark.parametrize(
    ("read", "out"),
    [
        ({"latency": r"inference: ([\d.]+) ms"}, "inference: 2.5 ms"),
        (lambda out: {"latency": float(out.split()[1])}, "inference: 2.5 ms"),
        (None, '{"latency": 2.5}\\nbye'),
    ],
)
def test_outputs_are_read_as_the_user_says(quick: Any, device: Device, read: Any, out: str) -> None:
    found = meter(device.acts(f"printf '{out}\\n'"), read=read).measure(SUBJECT)
    assert found["latency"] == found["latency_low"] == found["latency_high"] == 2.5


def test_calls_go_on_until_the_interval_is_narrow_or_there_are_enough(
    quick: Any, tmp_path: Path
) -> None:
    def calls(*values: float, **options: Any) -> int:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        one = Device(folder)
        meter(one.acts(*(f"echo '{{\"s\": {v}}}'" for v in values)), **options).measure(SUBJECT)
        return len(one.lines)

    assert calls(1.0) == 3
    assert calls(1.0, 2.0, 1.0) == 10
    assert calls(1.0, 2.0, 1.0, most_calls=5) == 5
    assert calls(1.0, 1.2, 1.0, tolerance=0.05) > 3
    assert calls(1.0, 1.2, 1.0, tolerance=1.0) == 3


def test_intervals_hold_what_they_promise() -> None:
    """A further observation lies in 95 of 100 intervals, whatever the number of repetitions."""
    rng = np.random.default_rng(0)
    for count in (2, 3, 5, 10):
        draws = np.exp(0.1 * rng.standard_normal((2000, count + 1)))
        inside = 0
        for *seen, further in draws:
            found = repeated(seen)
            inside += found.low <= further <= found.high
        assert 0.93 < inside / len(draws) < 0.97
    assert repeated([3.0]).uncertainty == float("inf")
    assert repeated([0.0, 0.0]).uncertainty == 0


def test_preparation_comes_before_and_cleanup_after_whatever_happened(
    quick: Any, device: Device
) -> None:
    command = device.acts(":", "echo broken >&2; exit 3", ":")
    options = {"prepare": [[*command, "push"]], "cleanup": [*command, "rm"], "attempts": 1}
    with pytest.raises(InfeasibleArchitecture, match=r"code 3: broken"):
        meter([*command, "go"], **options).measure(SUBJECT)
    assert [line.split()[-1] for line in device.lines] == ["push", "go", "rm"]


def test_what_fails_is_tried_again_with_growing_waits(quick: list[float], device: Device) -> None:
    command = device.acts("exit 1", "exit 1", "echo '{\"s\": 1}'")
    assert meter(command, wait=0.5).measure(SUBJECT)["s"] == 1
    assert quick == [0.5, 1.0]


OFFLINE = [
    "ssh: connect to host board port 22: Connection refused",
    "ssh: Could not resolve hostname board: Name or service not known",
    "ssh: connect to host 10.0.0.7 port 22: No route to host",
    "kex_exchange_identification: Connection closed by remote host",
    "error: device 'emulator-5554' not found",
    "adb: no devices/emulators found",
    "error: device offline",
]


@pytest.mark.parametrize("words", OFFLINE)
def test_an_offline_device_is_no_failure(quick: list[float], device: Device, words: str) -> None:
    command = device.acts(f'echo "{words}" >&2; exit 255')
    with pytest.raises(InfeasibleArchitecture, match=r"'phone' is offline \(tried 3 times\)") as e:
        meter(command).measure(SUBJECT)
    assert e.value.kind == DEFERRED
    assert words in str(e.value)
    assert len(quick) == 2


def test_an_error_of_the_device_is_one_of_the_architecture(quick: Any, device: Device) -> None:
    """Its text is the reason; so it is where ssh works and what it runs fails likewise."""
    command = device.acts("echo 'op Gelu is not supported' >&2; exit 2")
    with pytest.raises(InfeasibleArchitecture, match=r"not measure it .*op Gelu is not") as error:
        meter(command).measure(SUBJECT)
    assert error.value.kind == ""
    ssh = device.folder / "ssh"
    ssh.write_text("#!/bin/sh\necho 'db: connection refused' >&2; exit 7\n")
    ssh.chmod(0o700)
    with pytest.raises(InfeasibleArchitecture, match="code 7: db: connection refused") as error:
        meter([str(ssh), "board", "bench"]).measure(SUBJECT)
    assert error.value.kind == ""


def test_a_command_that_hangs_is_ended_with_its_children(quick: Any, device: Device) -> None:
    command = device.acts(f"sleep 300 & echo $! > {device.folder}/child; wait")
    with pytest.raises(InfeasibleArchitecture, match=r"timed out after 0\.3 s \(limit: seconds=0"):
        meter(command, seconds=0.3, attempts=1).measure(SUBJECT)
    child = int((device.folder / "child").read_text())
    state = Path(f"/proc/{child}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_one_process_at_a_time_uses_a_device(quick: Any, device: Device) -> None:
    """While it measures, the lock of its name is held; that of another device is not."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom filelock import FileLock, Timeout\n"
        f"taken = 0\nfor path in Path({str(device.folder)!r}).glob('raynas-device-*.lock'):\n"
        "    try:\n        FileLock(path).acquire(timeout=0)\n    except Timeout:\n"
        "        taken += 1\nprint('{{\"taken\":', taken, '}}')"
    )
    command = [sys.executable, "-c", code]
    one = meter(command, lock_folder=device.folder, least_calls=2, most_calls=2)
    assert one.measure(SUBJECT)["taken"] == 1
    (lock,) = device.folder.glob("raynas-device-*.lock")
    with FileLock(lock):
        other = meter(device.acts("exit 0"), device="board", lock_folder=device.folder)
        with pytest.raises(TaskError, match="no line of it is a JSON object"):
            other.measure(SUBJECT)
    with FileLock(lock, timeout=0):
        pass  # it was let go


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("12 ms", "cannot be read: ValueError: no line of it is a JSON object; it printed '12 ms'"),
        ('{"s": "fast"}', "s is 'fast', which is no number"),
        ('{"s": NaN}', "s is nan, which is not finite"),
        ('{"s": []}', "it has no s"),
        ("{}", "it names no metric"),
    ],
)
def test_what_cannot_be_read_is_no_fault_of_architectures(
    quick: Any, device: Device, out: str, message: str
) -> None:
    with pytest.raises(TaskError, match=message):
        meter(device.acts(f"echo '{out}'")).measure(SUBJECT)


def test_metrics_that_come_and_go_are_refused(quick: Any, device: Device) -> None:
    with pytest.raises(TaskError, match="it has t, and before s"):
        meter(device.acts("echo '{\"s\": 1}'", "echo '{\"t\": 1}'")).measure(SUBJECT)


def test_secrets_are_not_shown(quick: Any, device: Device) -> None:
    token = secret("open-sesame-42")
    command = device.acts('echo "denied: $4 $6" >&2; exit 1')
    one = meter([*command, token, "--password", "hunter2hunter2"])
    with pytest.raises(InfeasibleArchitecture, match="denied") as error:
        one.measure(SUBJECT)
    assert "sesame" not in str(error.value)
    assert "sesame" not in repr(one)
    assert "hunter2" not in repr(one)
    assert repr(one) != repr(meter([*command, secret("another-42"), "--password", "x"]))
    assert "open-sesame-42 --password hunter2hunter2" in device.lines[0]
    task = nas.meters.Measured(
        nas.FunctionTask(lambda net: 1.0), one, example_input=torch.zeros(1, 4)
    )
    assert "sesame" not in str(task.identity())


def test_a_meter_travels_to_workers(quick: Any, device: Device) -> None:
    one = meter(device.acts("echo '{\"s\": 1}'"))
    again = pickle.loads(pickle.dumps(one))
    assert repr(again) == repr(one)
    assert again.measure(SUBJECT)["s"] == 1


def test_cleanup_that_fails_is_logged(
    quick: Any, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    command = device.acts("echo '{\"s\": 1}'", "echo '{\"s\": 1}'", "echo '{\"s\": 1}'", "exit 9")
    with caplog.at_level(logging.WARNING, "raynas.tasks"):
        meter(command, cleanup=command).measure(SUBJECT)
    assert "phone: cleanup failed" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": " "}, "device=' ': give the device a name"),
        ({"command": ()}, r"command=\[\]: give the command"),
        ({"command": "ssh host"}, "command='ssh host': give a list of arguments"),
        ({"command": ["run", "{modell}"]}, r"\{modell\} is no placeholder; use some of \{model\}"),
        ({"prepare": ["adb", "push"]}, "prepare: give a list of commands, each a list"),
        ({"cleanup": ["rm", "{x}"]}, r"cleanup: \{x\} is no placeholder"),
        ({"format": "caffe"}, "format='caffe': use one of onnx, torch, executorch, tflite"),
        ({"read": {"s": "("}}, "read: s='\\(' is no expression"),
        ({"read": {"s": "x"}}, "read: s='x' has 0 groups"),
        ({"read": 3}, "read=3"),
        ({"repeats": 0}, "repeats=0: must be at least 1"),
        ({"most_calls": 2}, "least_calls=3, most_calls=2: give at least 2"),
        ({"seconds": 0.0}, "seconds=0.0: must be above 0"),
        ({"offline": "("}, "offline='\\(' is no expression"),
    ],
)
def test_wrong_arguments_are_refused(options: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"device": "phone", "command": ["true"], **options}
    with pytest.raises(ConfigurationError, match=message):
        CommandMeter(**given)


def test_a_program_that_is_not_there_ends_the_search(quick: Any) -> None:
    with pytest.raises(TaskError, match="'no-such-profiler' cannot be run: No such file"):
        meter(["no-such-profiler"]).measure(SUBJECT)


@pytest.mark.parametrize(
    ("form", "package", "fix"),
    [("executorch", "executorch", "executorch"), ("tflite", "litert_torch", "litert-torch")],
)
def test_a_format_without_its_package_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str, package: str, fix: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(TaskError, match=rf"format='{form}' needs .*pip install {fix}"):
        programs.write_program(tmp_path / "x", Net(2).build().eval(), (torch.zeros(1, 4),), form)


def test_placeholders_are_filled_and_braces_kept() -> None:
    found = command_meter.filled(["{name}.x", "{{name}}", "a{{}}b"], {"name": "n"})
    assert found == ["n.x", "{name}", "a{}b"]


def test_what_a_network_cannot_be_written_as_is_its_own_fault(tmp_path: Path) -> None:
    class Odd(nn.Module):
        def forward(self, x: Any) -> Any:
            return x if float(x.sum()) > 0 else -x

    subject = Subject(Net(2), torch.ones(1, 4), lambda _: Odd())
    with pytest.raises(InfeasibleArchitecture, match="it cannot be written as 'torch'"):
        meter(["true"], format="torch").measure(subject)
