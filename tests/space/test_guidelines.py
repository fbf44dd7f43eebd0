"""What is said of spaces that a search cannot do well with, and what is not said of good ones."""

from __future__ import annotations

import re

import numpy as np
import pytest

from raynas.errors import ConfigurationError, InfeasibleArchitecture
from raynas.space import Space, choice, integer, real, repeat, searchable, shared, subset
from raynas.space.guidelines import Finding, check_guidelines, collapsed
from raynas.space.training_words import SETTINGS, setting_of
from raynas.wording import shown_size


def space_of(**fields: object) -> Space[object]:
    """A space of a class `Net` with these fields."""
    body = {**fields, "__annotations__": dict.fromkeys(fields, object)}
    return Space(searchable(type("Net", (), body)))


def found(space: Space[object], rule: str, **arguments: object) -> list[Finding]:
    arguments = {"samples": 0, **arguments}
    return [f for f in check_guidelines(space, **arguments) if f.rule == rule]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        *((name, "learning_rate") for name in ("lr", "learning_rate", "learningRate", "base_lr")),
        *((name, "learning_rate") for name in ("LR", "max_lr", "lr0", "warmup_steps", "scheduler")),
        *((name, "optimizer") for name in ("optimizer", "optimizer", "optim", "adam_eps", "SGD")),
        *((name, "batch_size") for name in ("batch_size", "batchSize", "batchsize", "batch")),
        *((name, "weight_decay") for name in ("weight_decay", "wd", "l2_penalty", "weightDecay")),
        *((name, "momentum") for name in ("momentum", "momentum_value", "nesterov")),
        *((name, "training_steps") for name in ("epochs", "num_epochs", "max_steps")),
        *((name, "augmentation") for name in ("augmentation", "mixup_alpha", "cutout", "CutMix")),
        *((name, "augmentation") for name in ("flip", "random_crop", "rotation_degrees", "hflip")),
        *((name, "dropout") for name in ("dropout", "attention_dropout", "drop_path_rate")),
    ],
)
def test_names_of_training_settings_are_known(name: str, setting: str) -> None:
    known = setting_of(name)
    assert known is not None
    assert known.name == setting


@pytest.mark.parametrize(
    "name",
    [
        *("blur_rate_pool", "lrn", "cropped_stem", "batch_norm", "batchnorm", "BatchNorm2d"),
        *("norm_momentum", "momentum_encoder", "ghost_batch_size", "virtual_batch_size"),
        *("rate", "dilation_rate", "decay", "steps", "num_steps", "message_passing_steps"),
        *("augmented_attention", "rotary", "rotation_group", "crop_skip", "flipped_edges"),
        *("kernel", "width", "mlp_ratio", "stride", "weight_sharing", "size", "n", "drop", "_"),
        *("adaptive_pool", "block_size", "patch_size", "epochal", "optimal_depth", "l2_norm"),
    ],
)
def test_names_of_architecture_are_left_alone(name: str) -> None:
    assert setting_of(name) is None


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_setting_can_be_allowed_by_its_name(setting: object) -> None:
    name = setting.name  # type: ignore[attr-defined]
    space = space_of(**{"epochs" if name == "training_steps" else name: choice(1, 2)})
    (finding,) = found(space, "training setting")
    assert finding.severity == ("warning" if name == "dropout" else "error")
    assert finding.message.endswith(f"allow {name}")
    assert found(space, "training setting", allow=(name,)) == []


def test_the_batch_size_is_never_tuned_for_the_score() -> None:
    (finding,) = found(space_of(batch_size=choice(32, 64)), "training setting")
    assert "batch_size is a batch size, which is never tuned for the validation score" in (
        finding.message
    )


def test_an_unknown_override_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"allow='lr' is unknown: use one of learning_r"):
        check_guidelines(space_of(a=choice(1, 2)), allow=("lr",))


def test_settings_are_found_where_they_are_nested_once_each() -> None:
    @searchable
    class Adam:
        lr: float = real(1e-4, 1e-1, log=True)
        betas: float = choice(0.9, 0.95)

    @searchable
    class Block:
        momentum: float = choice(0.8, 0.9)

    @searchable
    class Net:
        optimizer: Adam = choice(Adam)
        blocks: tuple[Block, ...] = repeat(choice(Block, None), 2, 4)
        a: int = shared("lr", choice(1, 2))

    findings = found(Space(Net), "training setting")  # type: ignore[arg-type]
    assert [f.message.split(" is ")[0] for f in findings] == [
        "optimizer",
        "blocks[*].Block.momentum",
        "a",
    ]


def test_what_is_not_searched_is_not_refused() -> None:
    @searchable
    class Net:
        width: int = choice(1, 2)
        epochs: int = choice(3)
        lr: float = 0.1

    assert found(Space(Net), "training setting") == []  # type: ignore[arg-type]


@searchable
class Layer:
    kind: int = integer(1, 10)


def test_a_space_over_ten_to_the_twenty_is_to_be_split() -> None:
    space = space_of(
        encoder=repeat(Layer, 15, default=(Layer(1),) * 15),
        head=repeat(Layer, 6, default=(Layer(1),) * 6),
        width=choice(1, 2, default=1),
    )
    (finding,) = found(space, "size")
    assert finding.severity == "warning"
    for words in (
        "2,000,000,000,000,000,000,000 architectures, more than 10^20",
        "encoder (1,000,000,000,000,000), head (1,000,000), width (2)",
        'space.split("encoder", "head")',
        "space.around(*winners)",
    ):
        assert words in finding.message
    encoder, head = space.split("encoder", "head")
    assert (encoder.size, head.size) == (10**15, 10**6)
    assert "default" not in finding.message
    assert "Even alone" not in finding.message


def test_what_cannot_be_split_yet_says_what_it_takes() -> None:
    (finding,) = found(space_of(a=repeat(Layer, 10), b=repeat(Layer, 21)), "size")
    assert "(give every field a default, or the space a baseline, for that)" in finding.message
    assert "Even alone, b is too large: declare it as several fields" in finding.message


def test_the_limit_of_size_is_exact() -> None:
    assert found(space_of(a=repeat(Layer, 20)), "size") == []
    assert len(found(space_of(a=repeat(Layer, 20), b=choice(1, 2)), "size")) == 1


def test_a_space_without_end_is_said_to_be_so() -> None:
    (finding,) = found(space_of(a=real(0, 1)), "size")
    assert finding.message.startswith("infinitely many architectures")
    assert "Give real numbers a step" in finding.message


def test_many_options_are_named_once_a_pattern() -> None:
    @searchable
    class Block:
        kernel: int = choice(*range(11))
        width: int = integer(1, 11)

    space = space_of(
        blocks=repeat(Block, 8),
        some=subset(*"abcdefghijkl", k=2),
        scale=real(0, 1),
        depth=repeat(Layer, 0, 10),
        few=choice(*range(10)),
        small=integer(1, 10),
    )
    assert [(f.severity, f.message.split(", more")[0]) for f in found(space, "options")] == [
        ("warning", "blocks[*].kernel chooses among 11 options"),
        ("warning", "some chooses among 12 options"),
        ("advice", "blocks[*].width takes 11 numbers"),
        ("advice", "scale takes any number"),
        ("advice", "depth takes 11 numbers"),
    ]


def test_fields_without_a_decision_are_named() -> None:
    @searchable
    class Empty: ...

    space = space_of(
        one=choice("relu"),
        number=integer(3, 3),
        same=repeat(choice(Empty), 3),
        nested=choice(Layer),
        fixed=repeat(Layer, 3),
        depth=repeat(choice(Empty), 1, 3),
    )
    findings = found(space, "no effect")
    assert [f.message.split(" has a single value")[0] for f in findings] == [
        "one",
        "number",
        "same",
    ]


@searchable
class Heads:
    heads: int = choice(1, 2, 3, 4)
    width: int = choice(8, 16)

    def is_feasible(self) -> bool:
        return self.heads != 3


def test_the_share_of_infeasible_combinations_is_estimated() -> None:
    (finding,) = found(Space(Heads), "infeasible", samples=2000)  # type: ignore[arg-type]
    assert finding.severity == "advice"
    share = float(finding.message.split("%")[0])
    low, high = re.findall(r"interval (.*)% to (.*)%;", finding.message)[0]
    assert float(low) < share < float(high)
    assert float(low) < 25 < float(high)
    assert "more than 20%. Declare the space so that fewer arise" in finding.message
    assert "is_feasible does not hold" in finding.message


def test_the_interval_is_wilsons() -> None:
    """5 of 20: 11.2 % to 46.9 % (Newcombe 1998, equation of method 3)."""

    @searchable
    class Net:
        a: int = choice(*range(20))

    calls = iter(range(20))

    def try_out(net: object) -> None:
        if next(calls) < 5:
            raise InfeasibleArchitecture(f"too large: {net!r}")

    (finding,) = found(Space(Net), "infeasible", samples=20, try_out=try_out)  # type: ignore[arg-type]
    assert "25.0% of the combinations are infeasible (95 % interval 11.2% to 46.9%; 5 of 20" in (
        finding.message
    )
    assert "InfeasibleArchitecture: too large: " in finding.message
    assert "(5)" in finding.message  # alike but for a number, so of a kind


def test_few_infeasible_combinations_are_left_to_the_search() -> None:
    @searchable
    class Free:
        heads: int = choice(1, 2, 3, 4)
        width: int = choice(8, 16)

    def try_out(net: Free) -> None:
        if net.width == 8 and net.heads == 4:
            raise ValueError("no")

    (finding,) = found(Space(Free), "infeasible", samples=500, try_out=try_out)  # type: ignore[arg-type]
    assert "Their trials end as infeasible, and the search goes on" in finding.message
    assert "ValueError: no" in finding.message


def test_an_option_that_never_occurs_is_named() -> None:
    findings = found(Space(Heads), "no effect", samples=500)  # type: ignore[arg-type]
    assert [f.message.split(" never")[0] for f in findings] == ["heads = 3"]


def test_a_small_sample_names_no_option() -> None:
    assert found(Space(Heads), "no effect", samples=20) == []  # type: ignore[arg-type]


def test_the_sample_hangs_on_the_generator_alone() -> None:
    def run(seed: int) -> tuple[Finding, ...]:
        return check_guidelines(Space(Heads), samples=100, rng=np.random.default_rng(seed))

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_the_gravest_comes_first() -> None:
    space = space_of(
        one=choice(1), drop_path=choice(0.0, 0.1), many=choice(*range(11)), lr=choice(1, 2)
    )
    severities = [f.severity for f in check_guidelines(space, samples=0)]
    assert severities == ["error", "warning", "warning", "advice"]


def test_a_good_space_has_no_findings() -> None:
    @searchable
    class Net:
        width: int = integer(8, 64, step=8)
        blocks: tuple[Layer, ...] = repeat(Layer, 1, 4)

    assert check_guidelines(Space(Net)) == ()


def test_raw_combinations_are_drawn_uniformly_and_infeasible_ones_told() -> None:
    space, rng = Space(Heads), np.random.default_rng(0)
    drawn = [space.draw(rng) for _ in range(400)]
    assert 60 < drawn.count(None) < 140
    assert {net.heads for net in drawn if net is not None} == {1, 2, 4}


def test_paths_and_sizes_read_well() -> None:
    assert collapsed("a[0].b[12].c") == "a[*].b[*].c"
    assert shown_size(1234) == "1,234"
    assert shown_size(10**40) == "about 1.000e+40"
