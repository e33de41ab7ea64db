"""A wheel for musl (Alpine), cross-compiled: its symbols are those of musl and of Python. It is not run here."""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

from tests.packages.building import BUILD_TOOLS, copy_project, install, make_environment, run

TARGET = "x86_64-linux-musl"
PLATFORM = "musllinux_1_2_x86_64"


def test_a_wheel_for_musl_asks_for_nothing_but_musl_and_python(tmp_path: Path) -> None:
    python = make_environment(Path(sys.executable), tmp_path / "environment")
    install(python, *BUILD_TOOLS, "ziglang>=0.13")
    compiler = run(python, "-c", "import ziglang, pathlib; print(pathlib.Path(ziglang.__file__).parent)").strip()
    command = f"{compiler}/zig cc -target {TARGET} -O2 -s -fno-sanitize=all"
    environment = {
        "CC": command,
        "LDSHARED": f"{command} -shared",
        "CFLAGS": "-Wno-everything",
        "SETUPTOOLS_EXT_SUFFIX": f".cpython-{sys.version_info.major}{sys.version_info.minor}-{TARGET}.so",
        "ZIG_LOCAL_CACHE_DIR": str(tmp_path / "cache"),
        "ZIG_GLOBAL_CACHE_DIR": str(tmp_path / "cache"),
    }
    project = copy_project(tmp_path / "project")
    build = ("setup.py", "--quiet", "bdist_wheel", "--plat-name", PLATFORM, "--dist-dir", tmp_path / "wheels")
    run(python, *build, cwd=project, environment=environment)
    (wheel,) = (tmp_path / "wheels").glob(f"*-{PLATFORM}.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "content")
    modules = sorted((tmp_path / "content").rglob("*.so"))
    assert len(modules) == len(list((project / "kafkactl").rglob("*.pyx"))), "a .pyx file does not compile for musl"
    exported = set(re.findall(r"^\.(?:globl|weak) (\w+)$", Path(compiler, "lib/libc/musl/libc.S").read_text(), re.M))
    for module in modules:
        assert re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "--wide", "--dynamic", module)) == ["libc.so"]
        symbols = run("readelf", "--wide", "--dyn-syms", module)
        assert "GLIBC" not in symbols
        undefined = {line.split()[7] for line in symbols.splitlines() if " UND " in line and len(line.split()) > 7}
        strange = {name for name in undefined if not name.startswith(("Py", "_Py"))} - exported
        assert strange <= {"_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable", "__gmon_start__"}, module.name
