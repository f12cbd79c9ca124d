"""How the body moves: forward kinematics, reach and jaw opening, in MuJoCo loaded from the URDF."""

from typing import Dict, Tuple

import mujoco
import numpy as np
import pytest
import yaml
from repository import ROOT

URDF = ROOT / "urdf" / "xdog.urdf"
LEGS = ["front_right", "front_left", "hind_right", "hind_left"]
VENDOR_STAND = {"abad": 0.0, "hip": -0.73, "knee": 1.25}  # rad, the vendor's devq.yaml
ARM = ["shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll"]
FOOT_RADIUS = 0.0205


class Body:
    """The robot hung up by its trunk: set joints by name, then ask where links are (m, in a link's frame)."""

    def __init__(self) -> None:
        self.model = mujoco.MjModel.from_xml_path(str(URDF))
        self.data = mujoco.MjData(self.model)

    def put(self, **joints: float) -> "Body":
        self.data.qpos[:] = 0
        for name, angle in joints.items():
            self.data.joint(name).qpos = angle
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        return self

    def frame(self, link: str) -> Tuple[np.ndarray, np.ndarray]:
        body = self.data.body(link)
        return body.xpos.copy(), body.xmat.reshape(3, 3).copy()

    def point(self, link: str, of: str = "base_link") -> np.ndarray:
        origin, turn = self.frame(of)
        return turn.T @ (self.frame(link)[0] - origin)


@pytest.fixture(scope="module")
def body() -> Body:
    return Body()


def standing() -> Dict[str, float]:
    return {f"{leg}_{part}_joint": angle for leg in LEGS for part, angle in VENDOR_STAND.items()}


def test_mujoco_keeps_every_frame_and_the_looks(body: Body) -> None:
    for link in ("imu_link", "camera_color_optical_frame", "gripper_frame", "front_left_foot_link"):
        assert body.model.body(link).id > 0
    looks = body.model.geom_contype == 0
    assert np.count_nonzero(looks) > 80
    assert np.all(body.model.geom_conaffinity[looks] == 0)


def test_straight_leg(body: Body) -> None:
    # hip axis at x 0.176, y 0.0525 + 0.077; two lengths of 0.150 m below it
    assert body.put().point("front_left_foot_link") == pytest.approx([0.176, 0.1295, -0.300], abs=1e-9)


@pytest.mark.parametrize("leg", LEGS)
def test_vendor_stand_pose(body: Body, leg: str) -> None:
    # The thigh swings back by 0.73 rad, the calf stands at 1.25 - 0.73 = 0.52 rad forward of vertical:
    # x = 0.15 (sin 0.52 - sin 0.73) = -0.0255, z = -0.15 (cos 0.52 + cos 0.73) = -0.2419
    foot = body.put(**standing()).point(f"{leg}_foot_link") - body.point(f"{leg}_thigh_link")
    assert foot == pytest.approx([-0.0255, 0, -0.2419], abs=5e-5)


def test_signs_of_the_leg_joints(body: Body) -> None:
    down = body.put().point("front_left_foot_link")
    assert body.put(front_left_abad_joint=0.3).point("front_left_foot_link")[1] > down[1]  # roll: foot to the left
    assert body.put(front_left_hip_joint=-0.3).point("front_left_foot_link")[0] < down[0]  # negative: back
    assert body.put(front_left_knee_joint=0.6).point("front_left_foot_link")[0] > down[0]  # positive: foot forward


def test_left_and_right_are_mirrored_about_the_middle_plane(body: Body) -> None:
    body.put(**standing())
    for end in ("front", "hind"):
        for part in ("abad", "thigh", "calf", "foot"):
            left, right = (body.data.body(f"{end}_{side}_{part}_link").xipos for side in ("left", "right"))
            assert left * [1, -1, 1] == pytest.approx(right, abs=1e-9)
    ids = [body.model.body(f"{leg}_{part}_link").id for leg in LEGS for part in ("abad", "thigh", "calf", "foot")]
    masses = body.model.body_mass[ids]
    assert masses @ body.data.xipos[ids, 1] / masses.sum() == pytest.approx(0, abs=1e-9)


def test_front_and_hind_hips_are_mirrored(body: Body) -> None:
    body.put()
    for side in ("left", "right"):
        front, hind = (body.data.body(f"{end}_{side}_abad_link").xipos for end in ("front", "hind"))
        assert front * [-1, 1, 1] == pytest.approx(hind, abs=1e-9)


def test_arm_at_zero(body: Body) -> None:
    # SO101 figures worked out from the joint origins, in the arm's base: x forward, z up
    body.put()
    assert body.point("arm_upper_arm_link", "arm_base_link") == pytest.approx([0.0692, -0.0183, 0.1166], abs=1e-4)
    assert body.point("arm_lower_arm_link", "arm_base_link")[[0, 2]] == pytest.approx([0.0972, 0.2292], abs=1e-4)
    assert body.point("arm_wrist_link", "arm_base_link")[[0, 2]] == pytest.approx([0.2321, 0.2344], abs=1e-4)
    assert body.point("gripper_frame", "arm_base_link") == pytest.approx([0.3914, 0, 0.2265], abs=1e-4)
    approach = body.frame("gripper_frame")[1][:, 2]
    assert approach == pytest.approx([1, 0, 0], abs=0.05)  # z of the tool frame; wrist_roll's origin leans 2.8 degrees


def test_signs_of_the_arm_joints(body: Body) -> None:
    at_zero = body.put().point("gripper_frame")
    pan = body.put(shoulder_pan=0.5).point("gripper_frame")
    # the pan axis points down at x 0.03 + 0.0388; the gripper is 0.3914 - 0.0388 ahead of it
    assert pan[:2] == pytest.approx([0.0688 + 0.3526 * np.cos(0.5), -0.3526 * np.sin(0.5)], abs=2e-4)
    for joint in ("shoulder_lift", "elbow_flex", "wrist_flex"):
        assert body.put(**{joint: 0.3}).point("gripper_frame")[2] < at_zero[2] - 0.03


def test_reach(body: Body) -> None:
    """0.44 m around the pan axis; 0.85 m above ground when the dog stands in the vendor's pose."""
    ranges = np.array([body.model.joint(name).range for name in ARM])
    angles = np.random.default_rng(0).uniform(ranges[:, 0], ranges[:, 1], size=(20000, len(ARM)))
    addresses = [body.model.joint(name).qposadr[0] for name in ARM]
    body.put(**standing())
    ground = body.point("front_left_foot_link")[2] - FOOT_RADIUS
    pan_x = 0.03 + 0.0388353
    points = np.empty((len(angles), 3))
    for i, row in enumerate(angles):
        body.data.qpos[addresses] = row
        mujoco.mj_kinematics(body.model, body.data)
        points[i] = body.point("gripper_frame")
    radius = np.hypot(points[:, 0] - pan_x, points[:, 1]).max()
    height = points[:, 2].max() - ground
    assert 0.43 < radius < 0.445
    assert 0.84 < height < 0.855


@pytest.mark.parametrize("legs", ["stand", "lie"])
@pytest.mark.parametrize("arm", ["stow", "home"])
def test_named_poses_touch_nothing(body: Body, legs: str, arm: str) -> None:
    named = yaml.safe_load((URDF.parents[1] / "launch" / "config" / "robot.yaml").read_text())
    joints = {}
    for group, pose in (("legs", legs), ("arm", arm)):
        joints.update(zip(named[group]["joints"], named[group]["poses"][pose]))
    body.put(**joints)
    mujoco.mj_collision(body.model, body.data)
    touching = [
        " and ".join(body.model.body(body.model.geom_bodyid[geom]).name for geom in contact.geom)
        for contact in body.data.contact
    ]
    assert touching == []


def jaw_tips(body: Body) -> Tuple[np.ndarray, np.ndarray]:
    """The inner ends of the two jaws' outermost collision boxes (m, world)."""

    def corner(link: str, inner: np.ndarray) -> np.ndarray:
        boxes = [g for g in range(body.model.ngeom) if body.model.geom_bodyid[g] == body.model.body(link).id]
        boxes = [g for g in boxes if body.model.geom_contype[g]]
        tip = max(boxes, key=lambda g: float(np.linalg.norm(body.model.geom_pos[g])))
        return body.data.geom_xpos[tip] + body.data.geom_xmat[tip].reshape(3, 3) @ (inner * body.model.geom_size[tip])

    return corner("arm_gripper_link", np.array([1, 0, -1])), corner("arm_moving_jaw_link", np.array([-1, -1, 0]))


@pytest.mark.parametrize(
    ("angle", "gap_mm"),  # worked out from the printed parts' geometry in so101_new_calib.urdf
    [(-0.175, 4), (0.10, 25), (0.37, 46), (0.65, 66), (0.92, 85), (1.20, 102), (1.47, 117), (1.745, 130)],
)
def test_jaw_opening(body: Body, angle: float, gap_mm: float) -> None:
    fixed, moving = jaw_tips(body.put(gripper=angle))
    assert 1000 * np.linalg.norm(fixed - moving) == pytest.approx(gap_mm, abs=4)  # boxes for curved jaws


def test_tool_frame_is_at_the_fixed_jaws_tip(body: Body) -> None:
    fixed, _ = jaw_tips(body.put())
    assert np.linalg.norm(fixed - body.frame("gripper_frame")[0]) < 0.005


def test_jaws_do_not_meet_before_the_closed_stop(body: Body) -> None:
    body.put(gripper=-0.174533)
    jaws = [
        [g for g in range(body.model.ngeom) if body.model.geom_bodyid[g] == body.model.body(link).id]
        for link in ("arm_gripper_link", "arm_moving_jaw_link")
    ]
    fingers = [sorted(jaw, key=lambda g: -float(np.linalg.norm(body.model.geom_pos[g])))[:4] for jaw in jaws]
    gap = min(
        mujoco.mj_geomDistance(body.model, body.data, a, b, 0.1, None)
        for a in fingers[0]
        for b in fingers[1]
        if body.model.geom_contype[a] and body.model.geom_contype[b]
    )
    assert 0 < gap < 0.005


def test_camera_looks_ahead_and_down_over_the_hips(body: Body) -> None:
    body.put()
    _, turn = body.frame("camera_color_optical_frame")
    assert turn[:, 2] == pytest.approx([np.cos(0.35), 0, -np.sin(0.35)])  # z: the view
    assert turn[:, 0] == pytest.approx([0, -1, 0], abs=1e-9)  # x: to the right
    # nothing solid within 1 m along the borders of the colour picture (86 x 55 degrees) when the arm is stowed
    body.put(shoulder_lift=-1.7, elbow_flex=1.6, wrist_flex=1.2, **standing())
    origin = body.frame("camera_color_optical_frame")[0]
    across, along = np.tan(np.radians(86 / 2)), np.tan(np.radians(55 / 2))
    hit = np.zeros(1, dtype=np.int32)
    for x in np.linspace(-across, across, 9):
        for y in np.linspace(-along, along, 9):
            ray = turn @ np.array([x, y, 1.0])
            distance = mujoco.mj_ray(body.model, body.data, origin, ray / np.linalg.norm(ray), None, 1, -1, hit, None)
            assert distance < 0 or distance > 1.0, f"the view at ({x:.2f}, {y:.2f}) is covered"
