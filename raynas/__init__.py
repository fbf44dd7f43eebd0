"""raynas: open neural architecture search on Ray Tune and PyTorch Lightning.

What every search needs is here; the rest is in `raynas.rewards`, `raynas.controllers`,
`raynas.stopping`, `raynas.stages`, `raynas.augmentation`, `raynas.meters`, `raynas.tasks` and
`raynas.testing`. Importing this package is cheap: each name is imported on first use.
"""

from typing import TYPE_CHECKING

from raynas.lazy_names import attach
from raynas.renamed import install

if TYPE_CHECKING:
    from raynas import analysis as analysis
    from raynas import augmentation as augmentation
    from raynas import controllers as controllers
    from raynas import errors as errors
    from raynas import meters as meters
    from raynas import redaction as redaction
    from raynas import report as report
    from raynas import rewards as rewards
    from raynas import space as space
    from raynas import stages as stages
    from raynas import stopping as stopping
    from raynas import tasks as tasks
    from raynas import testing as testing
    from raynas import trials as trials
    from raynas.asktell import AskTell as AskTell
    from raynas.errors import InfeasibleArchitecture as InfeasibleArchitecture
    from raynas.errors import RaynasError as RaynasError
    from raynas.full_training.train import train as train
    from raynas.search import Limits as Limits
    from raynas.search import Search as Search
    from raynas.search import SearchResult as SearchResult
    from raynas.space import Space as Space
    from raynas.space import choice as choice
    from raynas.space import integer as integer
    from raynas.space import real as real
    from raynas.space import repeat as repeat
    from raynas.space import searchable as searchable
    from raynas.space import shared as shared
    from raynas.space import subset as subset
    from raynas.stages import Stages as Stages
    from raynas.tasks import Context as Context
    from raynas.tasks import FunctionTask as FunctionTask
    from raynas.tasks import LightningTask as LightningTask
    from raynas.tasks import TabularTask as TabularTask
    from raynas.tasks import Task as Task
    from raynas.trials import History as History
    from raynas.trials import Measurement as Measurement
    from raynas.trials import Proposal as Proposal
    from raynas.trials import Trial as Trial
    from raynas.tune.resources import Resources as Resources
    from raynas.tune.searcher import NASSearcher as NASSearcher
else:
    __getattr__, __dir__, __all__ = attach(__name__)

__version__ = "0.1.0"

install()
