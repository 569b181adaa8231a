"""Bayesian hierarchical models: REML and a PyMC posterior from one collapsed likelihood."""

from hierbayes.equivalence import Equivalence, equivalence
from hierbayes.errors import (
    DataError,
    EstimationError,
    FormulaError,
    HierbayesError,
    InferenceError,
    ModelFileError,
    PriorError,
    StudyError,
)
from hierbayes.estimation.joint_families import R2D2M2, Beta, InverseWishart, Wishart
from hierbayes.estimation.priors import (
    LKJ,
    PC,
    Exponential,
    Flat,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfT,
    InverseGamma,
    Normal,
    StudentT,
    Uniform,
)
from hierbayes.fit.fit import Fit
from hierbayes.frames.contextual import cvar, dvar
from hierbayes.frames.datasets import codebook, dataset_names, load_dataset
from hierbayes.inference.bootstrap import Bootstrap, bootstrap
from hierbayes.inference.build_random import RandomPart, build_random
from hierbayes.inference.likelihood_ratio import LikelihoodRatio, likelihood_ratio
from hierbayes.inference.model_table import model_table
from hierbayes.inference.profile import Profile, profile
from hierbayes.inference.reduced import Reduced, reduced
from hierbayes.library import load_model
from hierbayes.model import Model
from hierbayes.specification.equations import Multilevel
from hierbayes.studies.comparison.comparison import Comparison, compare
from hierbayes.studies.sensitivity import quantities
from hierbayes.studies.sensitivity.study import SensitivityStudy

__version__ = "0.1.0"

__all__ = [
    "LKJ", "PC", "R2D2M2", "Beta", "Bootstrap", "Comparison", "DataError", "Equivalence",
    "EstimationError", "Exponential", "Fit", "Flat", "FormulaError", "Gamma", "HalfCauchy",
    "HalfNormal", "HalfT", "HierbayesError", "InferenceError", "InverseGamma", "InverseWishart",
    "LikelihoodRatio", "Model", "ModelFileError", "Multilevel", "Normal", "PriorError", "Profile",
    "RandomPart", "Reduced", "SensitivityStudy", "StudentT", "StudyError", "Uniform", "Wishart",
    "bootstrap", "build_random", "codebook", "compare", "cvar", "dataset_names", "dvar",
    "equivalence", "likelihood_ratio", "load_dataset", "load_model", "model_table",
    "profile", "quantities", "reduced",
]  # fmt: skip
