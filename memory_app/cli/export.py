# SPDX-License-Identifier: Apache-2.0
"""tolman export."""

from __future__ import annotations

from pathlib import Path

import click

from mapping import exporters
from memory_app.cli.ask import as_of_option
from memory_app.cli.common import as_json, memory_argument, open_memory, print_json
from memory_app.maps import load_octree
from memory_app.meshes import write_mesh_of
from memory_app.semantic import write_semantic_map
from memory_core import export as graph_export

_FORMATS = ["ply", "bt", "ot", "grid", "mesh", "glb", "semantic", *graph_export.FORMATS]
_OF_THE_MAP = ("ply", "bt", "ot", "grid", "mesh", "glb", "semantic")


@click.command()
@memory_argument
@click.option("--format", "kind", required=True, type=click.Choice(_FORMATS), help="See above.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="File to write.")
@click.option(
    "--heights", nargs=2, type=float, default=(0.1, 1.5), metavar="LOW HIGH", show_default=True,
    help="Metres above the map's zero that the grid looks at.",
)  # fmt: skip
@as_of_option
@as_json
def export(
    memory_dir: Path, kind: str, output: Path, heights: tuple[float, float], as_of: int | None, as_json: bool
) -> None:
    """Write the map or the graph of the memory at DIR for other tools.

    \b
    ply      centres of the occupied voxels (MeshLab, CloudCompare, Open3D)
    bt, ot   OctoMap's tree, occupied or free, or with log-odds (octovis, MoveIt, RViz)
    grid     seen from above between two heights: image and YAML for Nav2's map server
    mesh     surfaces with colours as triangles, binary PLY (MeshLab, Blender, Open3D)
    glb      the same as GLB (browsers, Blender, game engines)
    dsg      dynamic scene graph that spark_dsg loads; name the file .json
    geojson  places and passages for Nav2's route server
    graphml  all layers (networkx, Gephi, yEd)
    semantic 24 x 24 m from above as a PNG with names on it, and the names and places beside it as .json
    """
    if kind in _OF_THE_MAP and as_of is not None:
        raise click.UsageError("--as-of is for graphs; the voxels are kept only as they are now")
    if output.is_dir() or not output.resolve().parent.is_dir():
        raise click.BadParameter(f"want a file in a folder that is there, got {str(output)!r}", param_hint="--output")
    with open_memory(memory_dir) as memory:
        if kind == "ply":
            exporters.write_ply(load_octree(memory).occupied_centers(), None, output)
        elif kind in ("bt", "ot"):
            load_octree(memory).save_octomap(output, kind)
        elif kind == "grid":
            grid = load_octree(memory).occupancy_grid(*heights)
            exporters.write_grid(grid.cells, grid.origin, grid.resolution_m, output)
        elif kind in ("mesh", "glb"):
            write_mesh_of(memory, output, "ply" if kind == "mesh" else "glb")
        elif kind == "semantic":
            write_semantic_map(memory, output)
        else:
            graph_export.write_graph(memory.graph(as_of_ns=as_of), output, kind)
    if as_json:
        print_json({"file": str(output), "format": kind, "bytes": output.stat().st_size})
    else:
        click.echo(f"{output}: {output.stat().st_size / 1e3:.1f} kB")
