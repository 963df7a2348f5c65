# SPDX-License-Identifier: Apache-2.0
"""Compile tolman_msgs and tf2_msgs into this virtual environment, from rclpy wheels and gcc, without colcon.

    python tools/build_interfaces.py            build what is missing or has changed; done in a moment otherwise
    python tools/build_interfaces.py --force    build in any case

On a machine with a ROS 2 installation `colcon build` makes tolman_msgs, and tf2_msgs is there already: a package
that another prefix provides is left alone.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
PREFIX = Path(sys.prefix)
LIB, SHARE, INCLUDE = PREFIX / "lib", PREFIX / "share", PREFIX / "include"
SITE = Path(sysconfig.get_paths()["platlib"])
STAMP = "tolman_build.sha256"
KINDS = ("msg", "srv", "action")

# The transform topics carry this type; no wheel has it, and its definition is one line.
TF2_MSGS = {
    "msg/TFMessage.msg": "geometry_msgs/TransformStamped[] transforms\n",
    "package.xml": """<?xml version="1.0"?>
<package format="3">
  <name>tf2_msgs</name>
  <version>0.0.0</version>
  <description>The type of the transform topics.</description>
  <maintainer email="maintainers@tolman.dev">Tolman maintainers</maintainer>
  <license>Apache-2.0</license>
  <depend>geometry_msgs</depend>
</package>
""",
}


class CannotBuild(Exception):
    """Something needed is missing or a step failed; the message says what to do."""


@dataclass(frozen=True)
class Interfaces:
    """A package of interface definitions.

    Attributes:
        name: package name.
        source: folder with package.xml, msg/ and srv/.
        files: definitions relative to source, sorted.
        dependencies: names of all interface packages that it uses, directly or not.
    """

    name: str
    source: Path
    files: tuple[str, ...]
    dependencies: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--force", action="store_true", help="build even when nothing has changed")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="tolman_interfaces_") as scratch:
            for source in (_tf2_source(Path(scratch)), ROOT / "tolman_msgs"):
                print(ensure(source, Path(scratch), force=options.force), flush=True)
    except CannotBuild as error:
        print(f"build_interfaces: {error}", file=sys.stderr)
        return 1
    return 0


def ensure(source: Path, scratch: Path, *, force: bool = False) -> str:
    """Build one package unless it is there and unchanged; returns a line that says which of them it was.

    Raises:
        CannotBuild: a tool or wheel is missing, or generating or compiling failed.
    """
    name = _xml(source).findtext("name", "")
    provider = _foreign_provider(name)
    if provider is not None:
        return f"{name}: provided by {provider}, left alone"
    check_tools()
    package = read_package(source)
    wanted, stamp = fingerprint(package), SHARE / name / STAMP
    with _one_at_a_time():
        if not force and stamp.is_file() and stamp.read_text() == wanted and (SITE / name).is_dir():
            return f"{name}: up to date"
        began = time.perf_counter()
        work = scratch / f"build_{name}"
        generated = generate(package, work)
        compile_libraries(package, generated, work / "lib", work / "python")
        install(package, generated, work)
        stamp.write_text(wanted)
        return f"{name}: built in {time.perf_counter() - began:.1f} s"


def check_tools() -> None:
    """Raise CannotBuild for the first thing that building needs and this machine lacks."""
    if sys.prefix == sys.base_prefix:
        raise CannotBuild("want an active virtual environment to install into; create one with: python3 -m venv .venv")
    if importlib.util.find_spec("rosidl_cli") is None:
        raise CannotBuild(
            "the ROS 2 wheels are not in this environment; install them with: pip install 'tolman[ros-pypi]'"
        )
    for module in ("catkin_pkg", "setuptools", "numpy"):
        if importlib.util.find_spec(module) is None:
            raise CannotBuild(f"the Python package {module} is missing; install it with: pip install {module}")
    for compiler in (*_compiler("CC", "gcc")[:1], *_compiler("CXX", "g++")[:1]):
        if shutil.which(compiler) is None:
            raise CannotBuild(f"no compiler {compiler}; install one with: sudo apt install gcc g++")
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    if not header.is_file():
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise CannotBuild(f"no {header}; install it with: sudo apt install python{version}-dev")


def read_package(source: Path) -> Interfaces:
    """The package in a folder, with its dependencies followed to the end."""
    xml = _xml(source)
    files = [str(path.relative_to(source)) for kind in KINDS for path in (source / kind).glob(f"*.{kind}")]
    if not files:
        raise CannotBuild(f"{source}: no definitions in msg/, srv/ or action/")
    # Every generated type refers to service_msgs, also those of packages without services.
    open_names = [depend.text or "" for depend in xml.findall("depend")] + ["builtin_interfaces", "service_msgs"]
    found: dict[str, None] = {}
    while open_names:
        name = open_names.pop()
        if name in found or not (SHARE / name / "msg").is_dir():
            continue
        found[name] = None
        open_names += [depend.text or "" for depend in _xml(SHARE / name).findall("depend")]
    return Interfaces(xml.findtext("name", ""), source, tuple(sorted(files)), tuple(sorted(found)))


def fingerprint(package: Interfaces) -> str:
    """A hash of all that decides what is built: definitions, generators, compiler, Python and this script."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name in (*package.files, "package.xml"):
        digest.update(name.encode() + b"\0" + (package.source / name).read_bytes())
    versions = sorted(
        f"{dist.metadata['Name']} {dist.version}"
        for dist in importlib.metadata.distributions()
        if (dist.metadata["Name"] or "").lower().startswith(("ros-", "ros_", "numpy"))
    )
    digest.update("\n".join([sys.version, *_compiler("CC", "gcc"), *_compiler("CXX", "g++"), *versions]).encode())
    return digest.hexdigest()


def generate(package: Interfaces, work: Path) -> dict[str, Path]:
    """Write C, C++ and Python sources; returns the folder of each generator's output by a short name."""
    os.environ["AMENT_PREFIX_PATH"] = str(PREFIX)  # the generators look their templates up through the index
    noise = io.StringIO()
    try:
        with contextlib.redirect_stdout(noise), contextlib.redirect_stderr(noise):
            return _run_generators(package, work)
    except (Exception, SystemExit) as error:  # any generator may raise anything; all of it means the same here
        raise CannotBuild(f"{package.name}: generating failed: {error}\n{noise.getvalue()[-2000:]}") from error


def _run_generators(package: Interfaces, work: Path) -> dict[str, Path]:
    from rosidl_cli.command.hash.api import generate_type_hashes
    from rosidl_cli.command.translate.api import translate
    from rosidl_generator_c.cli import GenerateC
    from rosidl_generator_py.cli import GeneratePython
    from rosidl_typesupport_c.cli import GenerateCTypesupport
    from rosidl_typesupport_fastrtps_c.cli import GenerateFastRTPSCTypesupport
    from rosidl_typesupport_introspection_c.cli import GenerateIntrospectionCTypesupport

    name = package.name
    folders = {step: work / step / name for step in ("c", "typesupport", "fastrtps", "introspection", "py")}
    folders |= {step: work / step for step in ("idl", "hashes")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    definitions = [f"{package.source}:{file}" for file in package.files]
    idl = translate(
        package_name=name, interface_files=definitions, include_paths=[str(SHARE)], output_format="idl",
        output_path=folders["idl"],
    )  # fmt: skip
    include = [str(SHARE / dependency) for dependency in package.dependencies]
    hashes = generate_type_hashes(
        package_name=name, interface_files=idl, include_paths=include, output_path=folders["hashes"]
    )
    GenerateC("c").generate(name, idl, include, folders["c"], type_description_files=list(_flat(hashes)))
    implementations = ["rosidl_typesupport_fastrtps_c", "rosidl_typesupport_introspection_c"]
    generators: dict[str, Any] = {
        "typesupport": GenerateCTypesupport("c", typesupport_implementations=implementations),
        "fastrtps": GenerateFastRTPSCTypesupport("fastrtps"),
        "introspection": GenerateIntrospectionCTypesupport("introspection"),
        "py": GeneratePython("py", typesupport_implementations=["rosidl_typesupport_c"]),
    }
    for step, generator in generators.items():
        generator.generate(name, idl, include, folders[step])
    return folders


def compile_libraries(package: Interfaces, generated: dict[str, Path], lib: Path, python: Path) -> None:
    """Compile five shared libraries into `lib` and the extension module into `python`.

    The typesupport libraries do not depend on each other and are built at the same time.
    """
    lib.mkdir()
    python.mkdir()
    name = package.name
    own, runtime = f"{name}__rosidl_generator_c", ["rosidl_runtime_c", "rcutils"]
    flags = _include_flags(generated)

    def link(output: Path, sources: list[Path], libraries: list[str], borrowed: str) -> None:
        libraries = libraries + _of_dependencies(package, "rosidl_generator_c") + _of_dependencies(package, borrowed)
        _compile(output, sources, flags, lib, libraries)

    def library(kind: str, step: str, pattern: str, libraries: list[str]) -> None:
        link(lib / f"lib{name}__{kind}.so", sorted(generated[step].rglob(pattern)), libraries, kind)

    library("rosidl_generator_c", "c", "*.c", runtime)
    fastrtps = ["rosidl_typesupport_fastrtps_c", "rosidl_typesupport_fastrtps_cpp", "fastcdr", "rmw"]
    steps: list[tuple[str, str, str, list[str]]] = [
        ("rosidl_typesupport_fastrtps_c", "fastrtps", "*.cpp", [own, *fastrtps, *runtime]),
        ("rosidl_typesupport_introspection_c", "introspection", "*.c",
         [own, "rosidl_typesupport_introspection_c", *runtime]),
        ("rosidl_typesupport_c", "typesupport", "*.cpp", [own, "rosidl_typesupport_c", *runtime]),
    ]  # fmt: skip
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda step: library(*step), steps))
    library("rosidl_generator_py", "py", "*_s.c", [own, f"{name}__rosidl_typesupport_c"])
    needed = [f"{name}__rosidl_generator_py", f"{name}__rosidl_typesupport_c", own, "rosidl_typesupport_c"]
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    entry = sorted(generated["py"].glob("*rosidl_typesupport_c.ep.*.c")) or sorted(generated["py"].glob("*.ep.*.c"))
    link(python / f"{name}_s__rosidl_typesupport_c{suffix}", entry, [*needed, *runtime], "rosidl_generator_py")


def _compile(output: Path, sources: list[Path], flags: list[str], lib: Path, libraries: list[str]) -> None:
    is_cpp = any(source.suffix == ".cpp" for source in sources)
    compiler = [*_compiler("CXX", "g++"), "-std=c++17"] if is_cpp else [*_compiler("CC", "gcc"), "-std=gnu11"]
    command = [
        *compiler, "-O1", "-fPIC", "-shared", "-w", *flags, *map(str, sources), "-o", str(output),
        f"-L{lib}", f"-L{LIB}", "-Wl,-rpath,$ORIGIN", f"-Wl,-rpath,{LIB}", "-Wl,--allow-shlib-undefined",
        *[f"-l{library}" for library in libraries],
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotBuild(f"{output.name}: {compiler[0]} failed\n{done.stderr[-3000:]}")


def install(package: Interfaces, generated: dict[str, Path], work: Path) -> None:
    """Put libraries, Python package, headers, definitions and index entries where the wheels keep theirs."""
    name, share = package.name, SHARE / package.name
    for library in (work / "lib").iterdir():
        _replace(library, LIB / library.name)
    module = work / "module" / name
    shutil.copytree(generated["py"], module, ignore=shutil.ignore_patterns("*.c"))
    (module / "__init__.py").touch()
    for extension in (work / "python").iterdir():
        shutil.copy(extension, module)
    for old in (SITE / name, share, INCLUDE / name):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(module, SITE / name)
    shutil.copytree(generated["c"], INCLUDE / name / name)
    shutil.copytree(generated["idl"], share)
    shutil.copytree(generated["hashes"], share, dirs_exist_ok=True)
    for file in (*package.files, "package.xml"):
        shutil.copy(package.source / file, share / file)
    index = SHARE / "ament_index" / "resource_index"
    for resource, content in (("packages", ""), ("rosidl_interfaces", "\n".join(package.files))):
        (index / resource).mkdir(parents=True, exist_ok=True)
        (index / resource / name).write_text(content)


def _replace(source: Path, target: Path) -> None:
    """Rename over the old file: a process that has it mapped keeps its own copy."""
    beside = target.with_suffix(".new")
    shutil.copy(source, beside)
    beside.replace(target)


def _include_flags(generated: dict[str, Path]) -> list[str]:
    import numpy

    ours = [generated[step].parent for step in ("c", "typesupport", "fastrtps", "introspection", "py")]
    wheels = [INCLUDE, *sorted(path for path in INCLUDE.iterdir() if path.is_dir())]
    python = [Path(sysconfig.get_paths()["include"]), Path(numpy.get_include())]
    return [f"-I{path}" for path in (*ours, *wheels, *python)]


def _of_dependencies(package: Interfaces, kind: str) -> list[str]:
    return [f"{name}__{kind}" for name in package.dependencies if (LIB / f"lib{name}__{kind}.so").exists()]


def _compiler(variable: str, default: str) -> list[str]:
    return shlex.split(os.environ.get(variable, "")) or [default]


def _foreign_provider(name: str) -> Path | None:
    """Where the package comes from when it is not from this environment, e.g. a sourced ROS installation."""
    spec = importlib.util.find_spec(name)
    # A folder without __init__.py, such as our own sources seen from the repository root, is no built package.
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin).resolve()
    return None if origin.is_relative_to(SITE.resolve()) else origin.parent


def _tf2_source(scratch: Path) -> Path:
    source = scratch / "tf2_msgs"
    for name, content in TF2_MSGS.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return source


def _xml(source: Path) -> ElementTree.Element:
    try:
        text = (source / "package.xml").read_text(encoding="utf-8")
        return ElementTree.fromstring(re.sub(r"<\?xml-model.*?\?>", "", text))
    except (OSError, ElementTree.ParseError) as error:
        raise CannotBuild(f"{source}: want a package.xml: {error}") from error


def _flat(nested: Any) -> Iterator[Any]:
    for item in nested:
        if isinstance(item, (list, tuple)):
            yield from _flat(item)
        else:
            yield item


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Hold a lock on this environment, so that two builds at once do not mix their files."""
    with open(PREFIX / ".tolman_interfaces.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
