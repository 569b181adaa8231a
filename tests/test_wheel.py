"""The wheel carries data and models, and works where there is no checkout."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import hierbayes

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


def output(*command: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir"]
    output(*build, target, ROOT, cwd=target)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel in it."""
    environment = tmp_path_factory.mktemp("environment").resolve()
    venv.create(environment)
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        environment / "bin" / "python",
    ]
    output(*pip, "install", "--no-deps", "--no-index", wheel, cwd=environment)
    # The dependencies are lent by this environment, which is quicker than installing them again
    # and needs no network.  The path is appended, so the wheel comes before anything lent, and the
    # .pth file of an editable hierbayes is not read there: only a site folder's own are.
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment


@pytest.mark.slow
def test_wheel_carries_data_and_models(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "hierbayes/_data/hs.csv" in names
    assert "hierbayes/report/page/static/beta_space.js" in names
    for folder in ("data", "models"):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
        assert files
        assert {f"hierbayes/_{path.relative_to(ROOT).as_posix()}" for path in files} <= names


@pytest.mark.slow
def test_wheel_works_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    command = installed / "bin" / "hierbayes"
    assert output(command, "--version", cwd=tmp_path) == f"hierbayes {hierbayes.__version__}"
    code = "import hierbayes as hb; print(hb.load_dataset('hs').shape, hb.__file__)"
    shape, _, file = output(installed / "bin" / "python", "-c", code, cwd=tmp_path).rpartition(" ")
    rows = (ROOT / "data" / "hs.csv").read_text(encoding="utf-8").splitlines()
    assert shape == str((len(rows) - 1, len(rows[0].split(","))))
    assert Path(file).is_relative_to(installed)
