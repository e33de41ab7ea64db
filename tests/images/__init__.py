"""The images that compose/ names: pulled where a registry answers, else made of Debian's packages and Maven's jars.

One switch, KAFKACTL_TEST_IMAGES: `pull` only, `build` only, or (unset) build what cannot be pulled. What is built takes
the pinned names, so nothing else knows the difference; a label says which recipe an image was made by.
`python -m tests.images` does it by hand.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kafkactl.local import jars
from kafkactl.local.compose import TARGETS, load_target
from kafkactl.paths import find_cache_dir

RECIPES = Path(__file__).parent
PYTHON_IMAGE = "python:3.11-slim-bookworm"
_BASE = "kafkactl-test/base"
_LABEL = "kafkactl.recipe"
_PACKAGES = "openjdk-17-jre-headless,bash,procps,openssl,ca-certificates,python3,python3-venv,python3-dev"
_NEEDLESS = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Recipe:
    """A folder of files for `docker build`, and the Kafka whose jars go in."""

    folder: str
    kafka_version: str


def pinned() -> dict[str, Recipe]:
    """Every image that a compose file names, with what it is made of here."""
    found = {}
    for name in TARGETS:
        target = load_target(name, {})
        for service in target.services:
            folder = service.image.rpartition("/")[2].partition(":")[0]
            found[service.image] = Recipe(folder, target.kafka_version)
    return found


def ensure() -> None:
    """Makes sure of every pinned image, and of the one that kafkactl's own is made from."""
    for image, recipe in pinned().items():
        if not _is_there(image) and not _pulled(image):
            _build(image, recipe)
    if not _is_there(PYTHON_IMAGE) and not _pulled(PYTHON_IMAGE):
        _make_base()
        _docker("tag", _BASE, PYTHON_IMAGE)


def _mode() -> str:
    return os.environ.get("KAFKACTL_TEST_IMAGES", "")


def _is_there(image: str) -> bool:
    """Whether it was pulled, or made by the recipe as it is now."""
    form = f'{{{{len .RepoDigests}}}} {{{{index .Config.Labels "{_LABEL}"}}}}'
    told = subprocess.run(
        ["docker", "image", "inspect", "--format", form, image], capture_output=True, text=True, check=False
    )
    if told.returncode != 0:
        return False
    digests, _, label = told.stdout.strip().partition(" ")
    return label == _recipe_id() if _mode() == "build" or digests == "0" else True


def _pulled(image: str) -> bool:
    if _mode() == "build":
        return False
    done = subprocess.run(["docker", "pull", "--quiet", image], capture_output=True, text=True, check=False)
    if done.returncode != 0 and _mode() == "pull":
        raise RuntimeError(f"cannot pull {image}: {done.stderr.strip()}")
    return done.returncode == 0


def _build(image: str, recipe: Recipe) -> None:
    _make_base()
    print(f"building {image}", flush=True)
    # Beside the jars, so that they are linked and not copied.
    with tempfile.TemporaryDirectory(dir=_cache()) as context:
        shutil.copytree(RECIPES / recipe.folder, context, dirs_exist_ok=True)
        shutil.copytree(jars.get_libs(recipe.kafka_version, print), Path(context, "libs"), copy_function=os.link)
        # The builder that is part of the engine: buildx would be one more thing to install.
        _docker(
            "build", "--quiet", "--tag", image, "--label", f"{_LABEL}={_recipe_id()}", context, DOCKER_BUILDKIT="0"
        )  # fmt: skip


def _make_base() -> None:
    if _is_there(_BASE):
        return
    root_file_system = _cache() / f"{hashlib.sha256(_PACKAGES.encode()).hexdigest()[:12]}.tar"
    if not root_file_system.exists():
        print("making a root file system of Debian's packages", flush=True)
        with tempfile.TemporaryDirectory(dir=_cache()) as root:
            flags = ["--variant=minbase", f"--include={_PACKAGES}"]
            subprocess.run(["debootstrap", *flags, "bookworm", root], check=True, stdout=subprocess.DEVNULL)
            for needless in _NEEDLESS:
                shutil.rmtree(Path(root, needless), ignore_errors=True)
            if _CERTIFICATES.exists():  # a container trusts whom this machine trusts
                shutil.copy(_CERTIFICATES, Path(root, "etc/ssl/certs"))
            draft = root_file_system.with_suffix(".new")
            subprocess.run(["tar", "-C", root, "-cf", draft, "."], check=True)
            draft.replace(root_file_system)
    changes = [f"LABEL {_LABEL}={_recipe_id()}", f"ENV PIP_CERT={_CERTIFICATES}"]
    _docker("import", *(word for change in changes for word in ("--change", change)), str(root_file_system), _BASE)


def _recipe_id() -> str:
    """Changes with any file of the recipes."""
    files = sorted(path for path in RECIPES.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def _cache() -> Path:
    folder = find_cache_dir() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _docker(*arguments: str, **environment: str) -> None:
    done = subprocess.run(
        ["docker", *arguments], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"docker {arguments[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
