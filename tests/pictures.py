"""The pictures of the README, drawn by the code it shows: ``python -m tests.pictures``."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

import hierbayes as hb

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = Path(__file__).parents[1] / "notebooks" / "pictures"


def pictures() -> dict[str, Figure]:
    """Each picture by the name of its file."""
    hs = hb.load_dataset("hs")
    model = hb.Model("mathach ~ ses * Sector", random="~ 1 + ses | school", data=hs)
    post = model.sample(seed=1, progress=False)
    return {
        "beta_space": hb.plots.plot_beta_space(model.reml()),
        "prior_posterior": hb.plots.plot_prior_posterior(post),
    }


def main() -> None:
    """Draw them and store them, with few colours."""
    FOLDER.mkdir(exist_ok=True)
    for name, figure in pictures().items():
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
        Image.open(buffer).convert("RGB").quantize(64).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
