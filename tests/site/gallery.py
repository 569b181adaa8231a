"""The gallery: every picture with the call that makes it, most from their docstrings' examples."""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hierbayes as hb
from tests.site.reference import summary_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Pictures of posteriors and studies, whose docstrings sample nothing.
_POSTERIOR = """\
import hierbayes as hb

hs = hb.load_dataset("hs")
model = hb.Model("mathach ~ ses * Sector + (1 + ses | school)", hs)
post = model.sample(seed=1)
"""
_STUDY = f"""\
{_POSTERIOR}study = hb.SensitivityStudy(
    post, {{"sd": [hb.HalfNormal(1), hb.HalfCauchy(5)], "corr": [hb.LKJ(1), hb.LKJ(10)]}}
)
"""
_SAMPLED = {
    "plot_prior_posterior": (_POSTERIOR, "post"),
    "plot_icc": (_POSTERIOR, "post"),
    "plot_shrinkage_factors": (_POSTERIOR, "post"),
    "plot_implied_icc": (_POSTERIOR, "model.prior_predictive(seed=1)"),
    "plot_implied_ellipses": (_POSTERIOR, "model.prior_predictive(seed=1)"),
    "plot_ridge": (_STUDY, 'study, "sd(ses)"'),
    "plot_tornado": (_STUDY, "study"),
    "plot_tipping": (_STUDY, 'study.tipping("ses:Sector[T.Public]")'),
    "plot_prior_ellipses": (_STUDY, "study"),
    "plot_power_scaling": (_STUDY, "study"),
}


@dataclass(frozen=True, slots=True)
class Example:
    """A picture and what makes it.

    Parameters
    ----------
    name : str
        ``plot_...``.
    setting : str
        Code of what the picture is of.
    call : str
        The picture.
    """

    name: str
    setting: str
    call: str

    @property
    def code(self) -> str:
        """All of it."""
        return f"{self.setting}{self.call}\n"

    def figure(self, spaces: dict[str, dict[str, Any]]) -> Figure:
        """Run it; equal settings are run once, and their names kept in ``spaces``."""
        if self.setting not in spaces:
            spaces[self.setting] = {}
            exec(compile(self.setting, self.name, "exec"), spaces[self.setting])
        return eval(self.call, dict(spaces[self.setting]))


def examples() -> Iterator[Example]:
    """Of every picture one."""
    for name in sorted(n for n in hb.plots.__all__ if n.startswith("plot_")):
        if name in _SAMPLED:
            setting, of = _SAMPLED[name]
            yield Example(name, setting, f"hb.plots.{name}({of})")
            continue
        before: list[str] = []
        for statement in doctest.DocTestParser().get_examples(getattr(hb.plots, name).__doc__):
            call = _call_of(name, statement.source)
            if call:
                yield Example(name, "".join(before), call)
                break
            before.append(statement.source)


def _call_of(name: str, source: str) -> str:
    """The call of a picture in a statement; empty where there is none."""
    for node in ast.walk(ast.parse(source)):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr == name:
            return ast.get_source_segment(source, node) or ""
    return ""


def draw(folder: Path) -> str:
    """Draw all pictures into a folder, and return the page that shows them."""
    parts, spaces = ["# Gallery\n"], dict[str, dict[str, Any]]()
    for example in examples():
        picture = folder / f"{example.name}.png"
        example.figure(spaces).savefig(picture, dpi=80, bbox_inches="tight")
        title = example.name.removeprefix("plot_").replace("_", " ").capitalize()
        said = summary_of(getattr(hb.plots, example.name)).replace("`", "").replace(":", ",")
        parts.append(
            f"## {title}\n\n{{py:func}}`hierbayes.plots.{example.name}`\n\n"
            f"```python\n{example.code}```\n\n"
            f"```{{image}} {picture.name}\n:alt: {said}\n```\n"
        )
    return "\n".join(parts)
