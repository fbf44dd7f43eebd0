"""PPO: the policy's arithmetic, blocks, and what training gains."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from raynas.controllers import Random
from raynas.controllers.autoregressive_policy import Step, Vocabulary
from raynas.controllers.ppo import PPO, _Adam, _Batch, _Policy
from raynas.errors import ConfigurationError
from raynas.space import Space, choice, integer, real, searchable, subset
from raynas.testing import DeepNet, LoneNet, MixedNet, ToyNet, simulate, toy_reward
from raynas.trials import Completed, Failed, History, Measurement, Outcome, Stopped, Trial


@searchable
class Pair:
    """Two choices. Size: 6."""

    first: str = choice("a", "b", "c")
    second: str = choice("x", "y")


@searchable
class Wide:
    """Columns with more values than a policy has options for."""

    width: int = integer(1, 1000)
    share: float = real(0.0, 1.0, step=0.01)
    rate: float = real(1e-4, 1.0, log=True)


@searchable
class Taps:
    """Two of four, in order and without repetition. Size: 6."""

    taps: tuple[int, ...] = subset(1, 2, 3, 4, k=2)


def history_of(*ends: tuple[Any, Outcome | None]) -> History:
    return History(tuple(Trial(n, net, end) for n, (net, end) in enumerate(ends)))


def completed(reward: float) -> Completed:
    return Completed(Measurement({}), reward)


def share(controller: PPO, history: History, first: str, draws: int = 300) -> float:
    """How often the policy after `history` begins with `first`."""
    rng = np.random.default_rng(0)
    controller.propose(history, rng)
    words, weights = controller._words, controller._weights
    drawn = [words.draw(lambda: weights.chooser(words, rng), rng).first for _ in range(draws)]
    return drawn.count(first) / draws


@pytest.mark.parametrize("cls", [ToyNet, MixedNet, DeepNet, Wide, Taps])
def test_steps_lead_back_to_the_architecture(cls: type) -> None:
    """Up to where a value lies within an option that stands for several."""
    space = Space(cls)
    words = Vocabulary(space)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        architecture = space.sample(rng)
        steps = words.steps(architecture)
        left = iter(steps)
        again = words.draw(lambda left=left: lambda *_: next(left).option, rng)  # type: ignore[misc]
        assert words.steps(again) == steps
        assert all(0 <= step.option < words.counts[step.column] for step in steps)
        assert cls in (MixedNet, Wide) or again == architecture


def test_only_options_that_lead_to_a_combination_are_offered() -> None:
    words = Vocabulary(Space(Taps))
    assert words.steps(Taps((2, 4))) == [Step(0, 1, (0, 1, 2)), Step(1, 3, (2, 3))]


def test_every_value_of_a_large_column_is_drawn() -> None:
    words = Vocabulary(Space(Wide))
    rng = np.random.default_rng(0)
    drawn = [
        words.draw(lambda: lambda column, _: words.counts[column] - 1, rng) for _ in range(300)
    ]
    assert {net.width for net in drawn} == set(range(960, 1001))
    assert max(net.rate for net in drawn) <= 1.0


def test_the_policy_and_its_arrays_give_the_same_probabilities() -> None:
    """Torch's log-probability of a drawn architecture is the frequency of drawing it."""
    space = Space(Pair)
    words = Vocabulary(space)
    policy = _Policy(words, hidden=4, seed=0)
    with torch.no_grad():
        rng = np.random.default_rng(1)
        for parameter in policy.parameters():
            parameter.add_(torch.from_numpy(rng.normal(size=parameter.shape)))
    rng = np.random.default_rng(2)
    weights = policy.weights()
    drawn = [words.draw(lambda: weights.chooser(words, rng), rng) for _ in range(4000)]
    for net in space.enumerate():
        with torch.no_grad():
            logs, _ = policy(_Batch.of([words.steps(net)], words))
        probability = float(logs.sum().exp())
        assert drawn.count(net) / 4000 == pytest.approx(probability, abs=0.03)


def test_a_new_policy_is_uniform() -> None:
    words = Vocabulary(Space(Taps))
    logs, entropy = _Policy(words, 8, 0)(_Batch.of([words.steps(Taps((2, 4)))], words))
    assert logs.exp().tolist() == pytest.approx([1 / 3, 1 / 2])
    assert entropy.tolist() == pytest.approx([np.log(3), np.log(2)])


def test_adam_takes_its_first_step_by_the_sign_and_finds_the_top() -> None:
    model = torch.nn.Linear(2, 1, dtype=torch.float64)
    before = model.weight.detach().clone()
    adam = _Adam(model, 0.05)
    target = torch.tensor([[3.0, -2.0]], dtype=torch.float64)
    signs = torch.sign(target - before)
    adam.ascend(-((model.weight - target) ** 2).sum() + 0 * model.bias.sum())
    assert torch.allclose(model.weight, before + 0.05 * signs)
    for _ in range(500):
        adam.ascend(-((model.weight - target) ** 2).sum() + 0 * model.bias.sum())
    assert torch.allclose(model.weight, target, atol=0.01)


GOOD, BAD = Pair("a", "x"), Pair("b", "x")


def test_what_was_rewarded_becomes_likelier() -> None:
    block = [(GOOD, completed(1.0)), (BAD, completed(0.0))] * 2
    history = history_of(*block)
    assert share(PPO(Space(Pair), batch=4, learning_rate=0.1), history, "a") > 0.5
    assert share(PPO(Space(Pair), batch=5), history, "a") == pytest.approx(1 / 3, abs=0.1)


def test_failures_become_unlikelier_and_stops_teach_nothing() -> None:
    def after(end: Outcome) -> float:
        history = history_of(*[(GOOD, completed(-5.0)), (BAD, end)] * 2)
        return share(PPO(Space(Pair), batch=4, learning_rate=0.1), history, "b")

    assert after(Failed("x")) < 0.15
    assert after(Stopped("a scheduler")) == pytest.approx(1 / 3, abs=0.1)


def test_a_block_waits_for_all_of_its_trials() -> None:
    running = history_of((GOOD, completed(1.0)), (BAD, completed(0.0)), (GOOD, None))
    ended = running.told(2, completed(1.0), 1.0)
    before = share(PPO(Space(Pair), batch=3, learning_rate=0.1), running, "a")
    assert share(PPO(Space(Pair), batch=3, learning_rate=0.1), ended, "a") > before + 0.1


def test_ppo_beats_random_search() -> None:
    space = Space(ToyNet)

    def best(make: type[PPO] | type[Random], seed: int) -> float:
        return max(simulate(make, space, toy_reward, 250, seed=seed).rewards)

    trained = np.mean([best(PPO, seed) for seed in range(2)])
    assert trained > np.mean([best(Random, seed) for seed in range(2)]) + 0.1


def test_a_space_without_choices_is_not_trained_on() -> None:
    space = Space(LoneNet)
    controller = PPO(space, batch=1)
    history = history_of((LoneNet(3), completed(1.0)))
    assert controller.propose(history, np.random.default_rng(0)) == LoneNet(3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch": 0}, "batch=0: must be at least 1"),
        ({"epochs": 0}, "epochs=0: must be at least 1"),
        ({"hidden": 0}, "hidden=0: must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate=0.0: must be above 0"),
        ({"clip": -1.0}, "clip=-1.0: must be above 0"),
        ({"entropy": -0.1}, "entropy=-0.1: must be at least 0"),
    ],
)
def test_wrong_arguments_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        PPO(Space(Pair), **arguments)
