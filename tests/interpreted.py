"""Graphs run by Python alone: one evaluation takes less than compiling them."""

import pytensor
from pytensor.compile.mode import Mode

INTERPRETED = Mode("py", "fast_compile")
# Decorates what evaluates graphs: their constants are then folded without compiling C, too.
without_compiler = pytensor.config.change_flags(cxx="")
