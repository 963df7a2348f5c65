# SPDX-License-Identifier: Apache-2.0
"""A map made by the GPU's kernels is the CPU's, byte for byte, whatever happens to it on the way.

The kernels run on a GPU where there is one, and on the CPU ("warp-cpu") where Warp is installed.
"""

import numpy as np
import pytest

from mapping.gpu import device as devices
from mapping.octree.octree import Octree
from mapping.tsdf.tsdf import Tsdf
from memory_core import CameraFrame
from memory_core.errors import BackendUnavailable, BadSettings

DEVICES = ("warp-cpu", "cuda")


@pytest.fixture(params=DEVICES)
def device(request):
    try:
        devices.resolve(request.param)
    except BackendUnavailable as error:
        pytest.skip(str(error))
    return request.param


def frame(rng, stamp_s=0, at=(0.0, 0.0, 0.0), shape=(61, 83), focal=70.0, flip=1, far=3.5) -> CameraFrame:
    """Boxes of depth with holes, seen in a random direction."""
    height, width = shape
    coarse = rng.uniform(0.4, far, (8, 10))
    depth = coarse[np.ix_(np.arange(height) * 8 // height, np.arange(width) * 10 // width)].astype(np.float32)
    depth[rng.random(shape) < 0.05] = 0
    axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = axes * np.sign(np.linalg.det(axes)), at
    K = np.array([[focal, 0, width / 2 + 0.3], [0, flip * focal * 1.1, height / 2 - 0.2], [0, 0, 1.0]])
    rgb = rng.integers(0, 256, (*shape, 3), np.uint8)
    return CameraFrame(stamp_ns=round(stamp_s * 1e9), rgb=rgb, depth=depth, K=K, T_world_cam=T)


def walk(n, seed=0, step_m=0.3, **about):
    rng = np.random.default_rng(seed)
    return [frame(rng, 0.5 * i, (i * step_m, -0.4 * i * step_m, 1.0), **about) for i in range(n)]


def both(device, frames, max_range_m=4.0, voxel_size_m=0.08, **about):
    """The map of the CPU and that of the device, of the same frames."""
    maps = Octree(voxel_size_m, **about), Octree(voxel_size_m, device, **about)
    for each in frames:
        for octree in maps:
            octree.integrate(each, max_range_m)
    return maps


def surfaces(device, frames, **about):
    """The surfaces of the CPU and those of the device, of the same frames."""
    maps = Tsdf(0.05, **about), Tsdf(0.05, device=device, **about)
    for each in frames:
        for tsdf in maps:
            tsdf.integrate(each, 3.0)
    return maps


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"shape": (1, 1)},
        {"shape": (2, 131), "focal": 40.0},
        {"flip": -1},
        {"focal": 9.0, "far": 0.9},
        {"at": (5e4, -3e3, 1e2)},
    ],
    ids=["holes", "one pixel", "wide", "upwards", "wide angle", "far from the origin"],
)
def test_the_same_frames_give_the_same_bytes(device, about):
    at = about.pop("at", (0.0, 0.0, 0.0))
    rng = np.random.default_rng(3)
    cpu, other = both(device, [frame(rng, i, np.add(at, 0.2 * i), **about) for i in range(4)])
    assert cpu.counts()[1] > 0
    assert other.counts() == cpu.counts()
    assert other.changed_regions() == cpu.changed_regions()


@pytest.mark.parametrize(("voxel_size_m", "max_range_m"), [(0.02, 1.5), (0.05, 2.0), (0.3, 4.0), (1.0, 30.0)])
def test_voxels_and_ranges_of_any_size_give_the_same_bytes(device, voxel_size_m, max_range_m):
    cpu, other = both(device, walk(3, seed=7), max_range_m, voxel_size_m)
    assert other.changed_regions() == cpu.changed_regions()


def test_what_is_handed_out_on_the_way_is_the_same(device):
    maps = Octree(0.08), Octree(0.08, device)
    for each in walk(5):
        for octree in maps:
            octree.integrate(each)
        assert maps[0].changed_regions() == maps[1].changed_regions()
    assert maps[1].changed_regions() == {}


def test_questions_have_the_same_answers_and_change_nothing(device):
    rng = np.random.default_rng(1)
    maps = Octree(0.08), Octree(0.08, device)
    points = rng.uniform(-3, 3, (3000, 3))
    ways = rng.normal(size=(3000, 3))
    for each in walk(4):
        for octree in maps:
            octree.integrate(each)
        cpu, other = maps
        np.testing.assert_array_equal(other.log_odds(points), cpu.log_odds(points))
        np.testing.assert_array_equal(other.raycast(points, ways, 5.0), cpu.raycast(points, ways, 5.0))
        np.testing.assert_array_equal(other.dense((-1, -1, 0), (1, 1, 2)), cpu.dense((-1, -1, 0), (1, 1, 2)))
        np.testing.assert_array_equal(other.changed_since(0), cpu.changed_since(0))
        np.testing.assert_array_equal(other.last_seen_ns(points), cpu.last_seen_ns(points))
    assert maps[0].changed_regions() == maps[1].changed_regions()


@pytest.fixture
def asks_the_device(device, monkeypatch):
    """Every question goes to the device, and is counted."""
    lookups = pytest.importorskip("mapping.gpu.lookups")
    asked = []
    monkeypatch.setattr(lookups.DeviceLookups, "takes", lambda self, n, n_regions: not asked.append(n))
    return asked


def test_answers_of_the_device_are_those_of_the_cpu(device, asks_the_device):
    rng = np.random.default_rng(8)
    cpu, other = both(device, walk(5), voxel_size_m=0.05)
    points = np.concatenate(
        [rng.uniform(-4, 4, (4000, 3)), cpu.occupied_centers()[:2000], [[np.nan, 0, 0], [1e9, 0, 0]]]
    )
    np.testing.assert_array_equal(other.log_odds(points), cpu.log_odds(points))
    origins = np.concatenate([rng.uniform(-2, 3, (4000, 3)), np.tile([[0.05, 0.1, 1.0]], (600, 1))])
    ways = np.concatenate([rng.normal(size=(4000, 3)), rng.integers(-1, 2, (600, 3))])
    ways[(ways == 0).all(axis=1)] = 0, 0, 1
    for limit in (0.3, 6.0, 1e3):
        np.testing.assert_array_equal(other.raycast(origins, ways, limit), cpu.raycast(origins, ways, limit))
    assert np.isfinite(cpu.raycast(origins, ways, 6.0)).any()
    assert asks_the_device


def test_the_device_answers_for_regions_that_left_ram_and_for_what_faded(device, asks_the_device):
    rng = np.random.default_rng(9)
    frames = walk(30, step_m=1.5)
    cpu, other = both(device, frames, voxel_size_m=0.1, ram_budget_bytes=3 << 20, decay_half_life_s=6.0)
    points = np.stack([f.T_world_cam[:3, 3] for f in frames])[rng.integers(0, 30, 3000)] + rng.normal(size=(3000, 3))
    ways = rng.normal(size=(3000, 3))
    n_resident = other.resident_regions
    np.testing.assert_array_equal(other.occupancy(points), cpu.occupancy(points))
    np.testing.assert_array_equal(other.raycast(points, ways, 9.0), cpu.raycast(points, ways, 9.0))
    assert n_resident < len(np.unique(np.floor(points / 6.4), axis=0))
    assert other.changed_regions() == cpu.changed_regions()


def test_what_only_the_host_has_is_found_by_the_device(device, asks_the_device):
    cpu, other = both(device, walk(3))
    points = np.random.default_rng(2).uniform(-3, 3, (3000, 3))
    restored = Octree(0.08, device)
    restored.restore_regions(other.changed_regions())
    np.testing.assert_array_equal(restored.log_odds(points), cpu.log_odds(points))


def test_paging_loses_nothing(device):
    frames = walk(24, step_m=1.5)
    cpu, other = both(device, [*frames, *reversed(frames)], voxel_size_m=0.1, ram_budget_bytes=3 << 20)
    assert other.resident_regions < len(other.changed_since(-1))
    assert other.counts() == cpu.counts()
    assert other.changed_regions() == cpu.changed_regions()


def test_what_fades_fades_alike(device):
    cpu, other = both(device, walk(10, step_m=0.05), decay_half_life_s=1.1)
    assert other.counts() == cpu.counts()
    assert other.changed_regions() == cpu.changed_regions()


def test_a_restored_map_goes_on_as_if_never_stopped(device):
    frames = walk(6)
    whole, begun = both(device, frames[:3])
    resumed = Octree(0.08, device)
    resumed.restore_regions(begun.changed_regions())
    whole.changed_regions()
    for each in frames[3:]:
        whole.integrate(each)
        resumed.integrate(each)
    assert resumed.changed_regions() == whole.changed_regions()


def test_blocks_replaced_between_frames_are_those_that_the_next_one_changes(device):
    frames = walk(4)
    maps = both(device, frames[:2])
    for octree in maps:
        blocks, voxels = octree.known_blocks()
        octree.replace_blocks(np.add(blocks, (1, 0, 0)), voxels, stamp_ns=9)
        for each in frames[2:]:
            octree.integrate(each)
    assert maps[1].changed_regions() == maps[0].changed_regions()


def test_a_refused_frame_leaves_no_trace(device):
    frames = walk(3, step_m=0.05)
    maps = both(device, frames[:1], voxel_size_m=0.05, ram_budget_bytes=3 << 20)
    wide = frame(np.random.default_rng(2), 1, (40.0, 0.0, 0.0), far=12.0)
    for octree in maps:
        with pytest.raises(BadSettings, match="budget"):
            octree.integrate(wide, 12.0)
        octree.integrate(frames[2])
    assert maps[1].changed_regions() == maps[0].changed_regions()


def test_the_map_on_the_device_grows_beyond_its_first_room(device, monkeypatch):
    monkeypatch.setattr("mapping.octree.blocks._FIRST_ROWS", 64)
    cpu, other = both(device, walk(4))
    assert other.changed_regions() == cpu.changed_regions()


@pytest.mark.parametrize(
    "about",
    [{}, {"shape": (1, 1)}, {"shape": (2, 131), "focal": 40.0}, {"flip": -1}, {"focal": 9.0, "far": 0.9}],
    ids=["holes", "one pixel", "wide", "upwards", "wide angle"],
)
@pytest.mark.parametrize("truncation_voxels", [1.7, 4.0])
def test_the_same_frames_give_the_same_surfaces(device, about, truncation_voxels):
    cpu, other = surfaces(device, walk(4, step_m=0.1, **about), truncation_m=truncation_voxels * 0.05)
    assert other.changed_regions() == cpu.changed_regions()
    assert other.n_voxels == cpu.n_voxels


def test_surfaces_seen_often_stay_the_same(device):
    """Weights and colours reach their limits; what is looked through goes."""
    frames = walk(2, step_m=0.02, shape=(20, 24), focal=20.0)
    cpu, other = surfaces(device, [*frames * 20, *frames[:1] * 70])
    assert other.changed_regions() == cpu.changed_regions()


def test_surfaces_read_on_the_way_are_those_of_the_cpu(device):
    points = np.random.default_rng(4).uniform(-3, 3, (5000, 3))
    maps = Tsdf(0.05), Tsdf(0.05, device=device)
    for each in walk(3, step_m=0.1):
        for tsdf in maps:
            tsdf.integrate(each)
        cpu, other = maps
        np.testing.assert_array_equal(other.distances(points), cpu.distances(points))
        np.testing.assert_array_equal(other.colours(points), cpu.colours(points))
        np.testing.assert_array_equal(other.mesh().vertices, cpu.mesh().vertices)
        assert other.changed_regions() == cpu.changed_regions()


def test_restored_and_moved_surfaces_go_on_alike(device):
    frames = walk(4, step_m=0.1)
    cpu, other = surfaces(device, frames[:2])
    resumed = Tsdf(0.05, device=device)
    resumed.restore_regions(other.changed_regions())
    T = np.eye(4)
    T[:3, 3] = 0.12, -0.3, 0.02
    for tsdf in (cpu, resumed):
        tsdf.integrate(frames[2])
        tsdf.move(np.tile(T, (len(tsdf.block_centers()), 1, 1)))
        tsdf.integrate(frames[3])
    assert resumed.changed_regions() == cpu.changed_regions()


def test_surfaces_in_more_blocks_than_there_is_room_for_are_all_found(device, monkeypatch):
    pytest.importorskip("warp")
    monkeypatch.setattr("mapping.gpu.tsdf._FIRST_ROOM", 8)
    cpu, other = surfaces(device, walk(2))
    assert other.changed_regions() == cpu.changed_regions()


def test_a_whole_mapper_tells_the_same_on_the_device(device, box_world, mapped, monkeypatch):
    box_world.put("table", (0, 0, 0.35), (1.0, 0.6, 0.7))
    box_world.put("mug", (0.2, 0.1, 0.75), (0.1, 0.1, 0.1), colour=(20, 20, 210))
    frames = box_world.walk_around(n=16)
    told = mapped(frames)[1]
    chosen = []
    for layer in ("octree.octree", "tsdf.tsdf"):
        monkeypatch.setattr(f"mapping.{layer}.resolve", lambda _: chosen.append(devices.resolve(device)) or chosen[-1])
    told_there = mapped(frames)[1]
    assert chosen == [devices.resolve(device)] * 2
    assert any(name.startswith("tsdf/") for update in told for name in update.map_blocks)
    for here, there in zip(told, told_there, strict=True):
        assert there.map_blocks == here.map_blocks
        assert there.state == here.state
        assert [e.canonical() for e in there.events] == [e.canonical() for e in here.events]


@pytest.mark.parametrize("name", ["shared", "view", "update", "tsdf", "lookup"])
def test_kernels_compile_for_a_gpu_and_round_as_the_cpu_does(name, tmp_path):
    """No GPU is needed for this: products and sums are not fused, quotients and roots are exact."""
    warp = pytest.importorskip("warp")
    module = pytest.importorskip(f"mapping.gpu.{name}_kernels")
    try:
        warp.compile_aot_module(module, arch=75, module_dir=str(tmp_path), use_ptx=True)
    except RuntimeError as error:
        pytest.skip(f"Warp's compiler for GPUs is not here: {error}")
    (ptx,) = tmp_path.glob("*.ptx")
    code = ptx.read_text()
    assert ".visible .entry" in code
    for inexact in ("fma.rn", "div.full", "div.approx", "sqrt.approx", ".ftz"):
        assert inexact not in code


def test_auto_takes_a_gpu_only_where_there_is_one(monkeypatch):
    monkeypatch.setattr(devices, "has_warp", lambda: True)
    monkeypatch.setattr(devices, "has_cuda", lambda: True)
    assert devices.resolve("auto") == "cuda:0"
    monkeypatch.setattr(devices, "has_cuda", lambda: False)
    assert devices.resolve("auto") == "cpu"
    with pytest.raises(BackendUnavailable, match="GPU"):
        Octree(device="cuda")
    monkeypatch.setattr(devices, "has_warp", lambda: False)
    assert devices.resolve("auto") == "cpu"
    with pytest.raises(BackendUnavailable, match="pip install"):
        Octree(device="cuda")


def test_another_device_is_refused_by_name():
    with pytest.raises(BackendUnavailable, match="rocm"):
        Octree(device="rocm")
