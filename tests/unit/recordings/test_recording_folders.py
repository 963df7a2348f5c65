# SPDX-License-Identifier: Apache-2.0
import shutil

import cv2
import numpy as np
import pytest

from memory_core.errors import BadSettings, BadSource
from recordings import REASONS, open_source

POSES = np.array([[0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1.0]])


@pytest.fixture
def kitchen(tmp_path, make, rng):
    return make.seven_scenes(tmp_path / "kitchen", 6, rng)


def test_seven_scenes_gives_every_frame_with_nominal_stamps(kitchen, make):
    source = open_source(kitchen)
    frames = list(source.frames())
    assert source.n_frames == len(frames) == 6
    assert [f.stamp_ns for f in frames] == [1_000_000_000 + round(i * 1e9 / 30) for i in range(6)]
    assert frames[0].K.tolist() == [[585, 0, 320], [0, 585, 240], [0, 0, 1]]
    assert {f.session_id for f in frames} == {"kitchen"}
    assert source.drops == {}


def test_seven_scenes_pixels_and_depth_are_those_of_the_files(kitchen):
    for i, frame in enumerate(open_source(kitchen).frames()):
        bgr = cv2.imread(str(kitchen / f"frame-{i:06d}.color.jpg"))
        raw = cv2.imread(str(kitchen / f"frame-{i:06d}.depth.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(frame.rgb, bgr[..., ::-1])
        np.testing.assert_allclose(frame.depth, raw / 1000.0, rtol=1e-6)


def test_the_world_is_turned_to_z_up(kitchen):
    T = np.loadtxt(kitchen / "frame-000003.pose.txt")
    frame = list(open_source(kitchen).frames())[3]
    np.testing.assert_allclose(frame.T_world_cam, POSES @ T, atol=1e-9)


def test_gravity_beside_the_images_makes_the_map_level(kitchen):
    (kitchen / "gravity-direction.txt").write_text("0.0\n0.9\n0.4\n")
    T = np.loadtxt(kitchen / "frame-000003.pose.txt")
    frame = list(open_source(kitchen).frames())[3]
    gravity_in_cam = T[:3, :3].T @ [0, 0.9, 0.4]
    fallen = frame.T_world_cam[:3, :3] @ gravity_in_cam
    np.testing.assert_allclose(fallen / np.linalg.norm(fallen), [0, 0, -1], atol=1e-9)


def test_intrinsics_beside_the_images_are_used_and_can_be_overridden(kitchen):
    np.savetxt(kitchen / "camera-intrinsics.txt", [[500, 0, 300], [0, 501, 200], [0, 0, 1]])
    assert next(open_source(kitchen).frames()).K[1, 1] == 501
    assert next(open_source(kitchen, intrinsics="400,402,1,2").frames()).K[1, 1] == 402


def test_65535_and_0_in_depth_are_no_return(kitchen):
    depth = np.full((24, 32), 65535, np.uint16)
    depth[0, 0], depth[0, 1] = 0, 1234
    cv2.imwrite(str(kitchen / "frame-000000.depth.png"), depth)
    frame = next(open_source(kitchen).frames())
    assert frame.depth.max() == np.float32(1.234)
    assert np.count_nonzero(frame.depth) == 1


def test_a_pose_that_is_orthonormal_only_nearly_is_mended(kitchen):
    T = np.loadtxt(kitchen / "frame-000000.pose.txt")
    T[:3, :3] += 4e-4
    np.savetxt(kitchen / "frame-000000.pose.txt", T)
    R = next(open_source(kitchen).frames()).T_world_cam[:3, :3]
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-9)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda f: (f / "frame-000002.pose.txt").unlink(), "no_pose"),
        (lambda f: (f / "frame-000002.depth.png").unlink(), "no_depth"),
        (lambda f: (f / "frame-000002.pose.txt").write_text("nan " * 16), "bad_pose"),
        (lambda f: (f / "frame-000002.pose.txt").write_text("1 2 3"), "bad_pose"),
        (lambda f: np.savetxt(f / "frame-000002.pose.txt", 2 * np.eye(4)), "bad_pose"),
        (lambda f: _truncate(f / "frame-000002.depth.png"), "bad_image"),
        (lambda f: _truncate(f / "frame-000002.color.jpg"), "bad_image"),
        (lambda f: (f / "frame-000002.color.jpg").write_bytes(b""), "bad_image"),
        (lambda f: _resize(f / "frame-000002.depth.png"), "bad_depth_size"),
    ],
)
def test_a_damaged_frame_is_dropped_with_its_reason_and_seeking_agrees(kitchen, damage, reason):
    damage(kitchen)
    source = open_source(kitchen)
    stamps = [f.stamp_ns for f in source.frames()]
    assert len(stamps) == 5
    assert source.drops == {reason: 1}
    assert reason in REASONS
    assert "frame-000002" in source.warnings[0]
    for start in range(7):
        assert [f.stamp_ns for f in open_source(kitchen).frames(start)] == stamps[start:]


def test_reading_again_gives_the_same_frames_and_counts(kitchen, make):
    _truncate(kitchen / "frame-000002.depth.png")
    source = open_source(kitchen)
    first, second = list(source.frames()), list(source.frames())
    for a, b in zip(first, second, strict=True):
        make.same(a, b)
    assert source.drops == {"bad_image": 1}


@pytest.mark.parametrize("threads", [0, 3])
def test_threads_change_nothing(kitchen, make, threads):
    for a, b in zip(open_source(kitchen).frames(), open_source(kitchen, decode_threads=threads).frames(), strict=True):
        make.same(a, b)


def test_two_colour_images_of_one_frame_are_one_frame(kitchen):
    shutil.copy(kitchen / "frame-000001.color.jpg", kitchen / "frame-000001.color.png")
    source = open_source(kitchen)
    assert (source.n_frames, source.drops) == (6, {"duplicate": 1})


def test_a_folder_in_which_nothing_fits_says_why(kitchen):
    for path in kitchen.glob("*.pose.txt"):
        path.unlink()
    with pytest.raises(BadSource, match=r"no usable frame.*no_pose: frame-00000\d.pose.txt is missing"):
        open_source(kitchen)


@pytest.fixture
def desk(tmp_path, make, rng):
    """A TUM sequence: colour at 10.000, 10.100 ..., depth 5 ms later, ground truth every 20 ms moving 1 m/s."""
    folder = tmp_path / "rgbd_dataset_freiburg1_desk"
    (folder / "rgb").mkdir(parents=True)
    (folder / "depth").mkdir()
    rgb, depth = ["# colour images"], ["# depth maps"]
    for i in range(5):
        cv2.imwrite(str(folder / "rgb" / f"{i}.png"), np.full((24, 32, 3), i, np.uint8))
        cv2.imwrite(str(folder / "depth" / f"{i}.png"), np.full((24, 32), 7500, np.uint16))
        rgb.append(f"{10 + i / 10:.6f} rgb/{i}.png")
        depth.append(f"{10 + i / 10 + 0.005:.6f} depth/{i}.png")
    truth = ["# timestamp tx ty tz qx qy qz qw"]
    truth += [f"{10 + k / 50:.4f} {k / 50:.4f} 0 1.5 0 0 0 1" for k in range(22)]
    for name, lines in (("rgb", rgb), ("depth", depth), ("groundtruth", truth)):
        (folder / f"{name}.txt").write_text("\n".join(lines))
    return folder


def test_tum_pairs_images_and_interpolates_the_pose_at_the_stamp_of_depth(desk):
    frames = list(open_source(desk).frames())
    assert [f.stamp_ns for f in frames] == [10_005_000_000 + i * 100_000_000 for i in range(5)]
    np.testing.assert_allclose([f.T_world_cam[0, 3] for f in frames], [0.005 + i / 10 for i in range(5)], atol=1e-9)
    assert frames[2].depth[0, 0] == 1.5
    assert frames[2].rgb[0, 0, 0] == 2
    assert frames[0].K[0, 0] == 517.3


def test_tum_does_not_extrapolate_the_ground_truth(desk):
    truth = (desk / "groundtruth.txt").read_text().splitlines()
    (desk / "groundtruth.txt").write_text("\n".join(truth[3:-4]))
    source = open_source(desk)
    assert source.n_frames == 3
    assert source.drops == {"no_pose": 2}


def test_tum_images_without_partner_are_counted(desk):
    lines = (desk / "depth.txt").read_text().splitlines()
    (desk / "depth.txt").write_text("\n".join(lines[:-1]))
    assert open_source(desk).drops == {"no_depth": 1}


def test_two_tum_images_with_one_stamp_are_one_and_counted(desk):
    lines = (desk / "rgb.txt").read_text().splitlines()
    stamp = lines[-1].split()[0]
    (desk / "rgb.txt").write_text("\n".join([*lines, f"{stamp} rgb/other.png"]))
    assert open_source(desk).drops == {"duplicate": 1}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("groundtruth.txt", None, "groundtruth.txt with the camera's poses.*missing"),
        ("groundtruth.txt", "10.0 1 2 3", "want 8 words"),
        ("groundtruth.txt", "10.0 1 2 3 0 0 0 9", "quaternion"),
        ("rgb.txt", "yesterday rgb/0.png", "want seconds"),
        ("rgb.txt", "1e999999 rgb/0.png", "want seconds"),
        ("rgb.txt", "1e99999 rgb/0.png", "want seconds since an epoch"),
        ("rgb.txt", "10.0 ../../etc/passwd", "inside the folder"),
        ("rgb.txt", "", "no usable frame"),
    ],
)
def test_a_torn_tum_sequence_says_what_is_wrong(desk, name, text, message):
    if text is None:
        (desk / name).unlink()
    else:
        (desk / name).write_text(text)
    with pytest.raises(BadSource, match=message):
        open_source(desk)


@pytest.fixture
def living_room(tmp_path, make):
    folder = tmp_path / "living_room"
    for name in ("image", "depth"):
        (folder / name).mkdir(parents=True)
    lines = []
    for i in range(4):
        cv2.imwrite(str(folder / "image" / f"{i:05d}.jpg"), np.full((24, 32, 3), 10 * i, np.uint8))
        cv2.imwrite(str(folder / "depth" / f"{i:05d}.png"), np.full((24, 32), 2000, np.uint16))
        lines.append(f"{i} {i} {i + 1}")
        lines += [" ".join(f"{v:.8f}" for v in row) for row in make.pose(0.1 * i, angle=0.1 * i)]
    (folder / "trajectory.log").write_text("\n".join(lines))
    return folder


def test_open3d_folders_are_read(living_room, make):
    frames = list(open_source(living_room).frames())
    assert len(frames) == 4
    np.testing.assert_allclose(frames[2].T_world_cam, POSES @ make.pose(0.2, angle=0.2), atol=1e-7)
    assert frames[2].depth[0, 0] == 2.0
    assert frames[0].K.tolist() == [[525, 0, 319.5], [0, 525, 239.5], [0, 0, 1]]


def test_two_images_with_one_number_are_refused(living_room):
    (living_room / "image" / "2.png").write_bytes(b"")
    with pytest.raises(BadSource, match=r"one image with number 2, got 00002\.jpg and 2\.png"):
        open_source(living_room)


def test_an_image_beyond_the_trajectory_is_dropped(living_room):
    lines = (living_room / "trajectory.log").read_text().splitlines()
    (living_room / "trajectory.log").write_text("\n".join(lines[:-5]))
    assert open_source(living_room).drops == {"no_pose": 1}
    (living_room / "trajectory.log").write_text("\n".join(lines[:-3]))
    with pytest.raises(BadSource, match="torn"):
        open_source(living_room)


def test_the_same_point_of_the_world_stays_where_it_is_in_real_recordings(shared_data):
    """Depth seen from two cameras ten frames apart agrees in the map: poses, axes and units are right."""
    for name, tolerance_m in (("sevenscenes_redkitchen", 0.02), ("icl_livingroom1_open3d", 0.01)):
        frames = [f for f, _ in zip(open_source(shared_data(f"rgbd/{name}")).frames(), range(31), strict=False)]
        errors = [_median_disagreement_m(a, b) for a, b in zip(frames[:20:5], frames[10::5], strict=False)]
        assert max(errors) < tolerance_m, name


def test_up_is_up_in_a_real_kitchen(shared_data):
    """Most of what the camera sees below itself is lower in z: gravity points along -z."""
    frames = [
        f for f, _ in zip(open_source(shared_data("rgbd/sevenscenes_redkitchen")).frames(), range(1), strict=False)
    ]
    down_in_cam = frames[0].T_world_cam[:3, :3].T @ [0, 0, -1]
    assert down_in_cam[1] > 0.8


@pytest.mark.parametrize("name", ["ch5_kinect", "ch12_icl"])
def test_slambook_folders_are_right_handed_and_agree_with_themselves(shared_data, name):
    frames = list(open_source(shared_data(f"rgbd/slambook_rgbd/{name}")).frames())
    assert len(frames) == 5
    assert all(np.linalg.det(f.T_world_cam[:3, :3]) > 0 and f.K[1, 1] > 0 for f in frames)
    assert _median_disagreement_m(frames[0], frames[1]) < 0.15


def _median_disagreement_m(a, b):
    """How far the depth of a, carried into b, is from the depth measured there."""
    from memory_core.geometry import invert_pose, transform_points, unproject

    points = transform_points(invert_pose(b.T_world_cam) @ a.T_world_cam, unproject(a.depth, a.K)[::97])
    points = points[points[:, 2] > 0.1]
    u, v, w = b.K @ points.T
    u, v = np.rint(u / w).astype(int), np.rint(v / w).astype(int)
    inside = (u >= 0) & (v >= 0) & (u < b.depth.shape[1]) & (v < b.depth.shape[0])
    measured = b.depth[v[inside], u[inside]]
    seen = measured > 0
    return float(np.median(np.abs(measured[seen] - points[inside, 2][seen])))


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-40])


def _resize(path):
    cv2.imwrite(str(path), np.zeros((12, 16), np.uint16))


def test_what_is_no_recording_is_answered_with_what_would_be_one(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("hello")
    for name, what in (
        ("nowhere", "nothing here"),
        ("empty", "is empty"),
        ("photos", "not a rec"),
        ("notes.txt", "not a rec"),
    ):
        with pytest.raises(BadSource, match=what) as refused:
            open_source(tmp_path / name)
        assert "7-Scenes" in str(refused.value)
        assert ".mcap" in str(refused.value)
        assert "\n" not in str(refused.value)


def test_an_unknown_option_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(BadSettings, match=r"unknown setting rgb_topics; there are .*rgb_topic"):
        open_source(tmp_path, rgb_topics="/a")
