"""BoTorch's qLogNEHVI by its own API, over positions.

The model is one `MixedSingleTaskGP` an objective where parameters have no order, as BoTorch's
documentation has it, with its own fit. The acquisition function is `qLogNoisyExpectedHypervolume
Improvement` with the running trials pending, and is optimized by `optimize_acqf_discrete_local_
search`. The reference point is what `infer_reference_point` makes of the front. BoTorch's fused C++
kernel, which makes it up to three times as fast, is left out.
"""

import warnings

import torch
from botorch.acquisition.multi_objective import logei
from botorch.acquisition.multi_objective.logei import (
    qLogNoisyExpectedHypervolumeImprovement,
)
from botorch.fit import fit_gpytorch_mll
from botorch.models import MixedSingleTaskGP, SingleTaskGP
from botorch.models.model_list_gp_regression import ModelListGP
from botorch.models.transforms.outcome import Standardize
from botorch.optim import optimize_acqf_discrete_local_search
from botorch.sampling.normal import SobolQMCNormalSampler
from botorch.utils.multi_objective.hypervolume import infer_reference_point
from botorch.utils.multi_objective.pareto import is_non_dominated
from gpytorch.mlls import SumMarginalLogLikelihood
from serving import Peer, serve

INITIAL = 10

# BoTorch would compile a C++ kernel when an acquisition function is first made. Where that was ever
# broken off, the lock that it left in the home folder makes every later process wait for good.
logei._load_attempted = True


class BoTorch(Peer):
    """Sobol points first, as many as raynas's controller draws at random."""

    def __init__(self, task):
        """Make it for `task`."""
        warnings.simplefilter("ignore")
        torch.set_num_threads(1)
        torch.manual_seed(task.seed)
        self.parameters = task.parameters
        self.sizes = torch.tensor([p.size for p in task.parameters], dtype=torch.double)
        self.sobol = torch.quasirandom.SobolEngine(len(self.sizes), scramble=True, seed=task.seed)
        self.choices = [torch.arange(p.size, dtype=torch.double) for p in task.parameters]
        self.unordered = [i for i, p in enumerate(task.parameters) if not p.ordered]
        self.asked, self.values = {}, {}

    def ask(self, number):
        """See `Peer.ask`."""
        if len(self.asked) < INITIAL or len(self.values) < 2:
            point = (self.sobol.draw(1).double()[0] * self.sizes).floor()
        else:
            point = self.best()
        self.asked[number] = point
        return {p.name: int(v) for p, v in zip(self.parameters, point, strict=True)}

    def tell(self, number, reward):
        """See `Peer.tell`."""
        self.values[number] = torch.tensor(reward, dtype=torch.double)

    def best(self):
        """The point of largest acquisition value."""
        known = list(self.values)
        x = torch.stack([self.asked[number] for number in known])
        y = torch.stack([self.values[number] for number in known])
        models = [self.model(x, y[:, [j]]) for j in range(y.shape[1])]
        model = ModelListGP(*models)
        fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
        pending = [point for number, point in self.asked.items() if number not in self.values]
        acquisition = qLogNoisyExpectedHypervolumeImprovement(
            model=model,
            ref_point=infer_reference_point(y[is_non_dominated(y)]),
            X_baseline=x,
            sampler=SobolQMCNormalSampler(torch.Size([64])),
            prune_baseline=True,
            X_pending=torch.stack(pending) if pending else None,
        )
        found, _ = optimize_acqf_discrete_local_search(
            acq_function=acquisition,
            discrete_choices=self.choices,
            q=1,
            num_restarts=4,
            raw_samples=512,
            X_avoid=torch.stack(list(self.asked.values())),
        )
        return found[0]

    def model(self, x, y):
        """A Gaussian process of one objective."""
        if self.unordered:
            return MixedSingleTaskGP(x, y, self.unordered, outcome_transform=Standardize(1))
        return SingleTaskGP(x, y, outcome_transform=Standardize(1))


serve(BoTorch)
