"""The body's numbers against their sources.

[Dev-Q] is the vendor's devq.urdf in dev_robot_control_sdk, [SO101] is so101_new_calib.urdf in SO-ARM100,
[Gemini] is gemini2.urdf.xacro in OrbbecSDK_ROS1.
"""

import xml.etree.ElementTree as ET
from typing import Dict, List, Tuple

import numpy as np
import pytest
from repository import ROOT

URDF_ROOT = ET.parse(ROOT / "urdf" / "xdog.urdf").getroot()
LINKS: Dict[str, ET.Element] = {link.attrib["name"]: link for link in URDF_ROOT.findall("link")}
JOINTS: Dict[str, ET.Element] = {joint.attrib["name"]: joint for joint in URDF_ROOT.findall("joint")}
# name, front (+1) or hind (-1), left (+1) or right (-1)
LEGS = [("front_right", 1, -1), ("front_left", 1, 1), ("hind_right", -1, -1), ("hind_left", -1, 1)]
ARM_LINKS = ["base", "shoulder", "upper_arm", "lower_arm", "wrist", "gripper", "moving_jaw"]


def element(parent: ET.Element, path: str) -> ET.Element:
    found = parent.find(path)
    assert found is not None, f"{parent.attrib.get('name', parent.tag)} has no {path}"
    return found


def numbers(parent: ET.Element, path: str, attribute: str) -> List[float]:
    return [float(word) for word in element(parent, path).attrib[attribute].split()]


def mass(link: str) -> float:
    return numbers(LINKS[link], "inertial/mass", "value")[0]


def com(link: str) -> List[float]:
    return numbers(LINKS[link], "inertial/origin", "xyz")


def inertia(link: str) -> np.ndarray:
    """The link's 3 by 3 inertia matrix about its centre of mass, kg m^2."""
    part = {key: float(value) for key, value in element(LINKS[link], "inertial/inertia").attrib.items()}
    return np.array(
        [
            [part["ixx"], part["ixy"], part["ixz"]],
            [part["ixy"], part["iyy"], part["iyz"]],
            [part["ixz"], part["iyz"], part["izz"]],
        ]
    )


def limit(joint: str) -> Dict[str, float]:
    return {key: float(value) for key, value in element(JOINTS[joint], "limit").attrib.items()}


def solid_links() -> List[str]:
    return [name for name, link in LINKS.items() if link.find("inertial") is not None]


def test_total_mass() -> None:
    assert sum(mass(link) for link in solid_links()) == pytest.approx(6.786 + 0.632 + 0.098, abs=1e-3)
    legs = [link for link in solid_links() if link.startswith(("front_", "hind_"))]
    assert sum(map(mass, legs)) == pytest.approx(4 * 1.0537, abs=1e-3)  # [Dev-Q]
    assert sum(mass(link) for link in solid_links() if link.startswith("arm_")) == pytest.approx(0.632, abs=1e-3)


def test_trunk() -> None:
    assert mass("base_link") == 2.5712  # [Dev-Q]
    assert com("base_link") == [-0.00091, -0.00138, -0.00130]  # [Dev-Q]
    assert np.diag(inertia("base_link")) == pytest.approx([0.0063721, 0.0191754, 0.0234706])  # [Dev-Q]
    assert inertia("base_link")[0, 1] == -6.33e-5  # [Dev-Q]
    assert inertia("base_link")[0, 2] == -8.9e-6  # [Dev-Q]
    assert inertia("base_link")[1, 2] == 2.01e-5  # [Dev-Q]
    assert numbers(LINKS["base_link"], "collision/geometry/box", "size") == [0.20, 0.19, 0.1076]  # [Dev-Q]


@pytest.mark.parametrize(("leg", "end", "side"), LEGS)
def test_leg_geometry(leg: str, end: int, side: int) -> None:
    origins = {
        "abad": [0.176 * end, 0.0525 * side, 0],  # [Dev-Q]
        "hip": [0, 0.077 * side, 0],  # [Dev-Q]
        "knee": [0, 0, -0.150],  # [Dev-Q] thigh length
        "foot": [0, 0, -0.150],  # [Dev-Q] calf length
    }
    chain = ["base_link", f"{leg}_abad_link", f"{leg}_thigh_link", f"{leg}_calf_link", f"{leg}_foot_link"]
    for (name, origin), parent, child in zip(origins.items(), chain, chain[1:]):
        joint = JOINTS[f"{leg}_{name}_joint"]
        assert numbers(joint, "origin", "xyz") == pytest.approx(origin)
        assert element(joint, "parent").attrib["link"] == parent
        assert element(joint, "child").attrib["link"] == child
    assert JOINTS[f"{leg}_foot_joint"].attrib["type"] == "fixed"
    assert numbers(LINKS[f"{leg}_foot_link"], "collision/geometry/sphere", "radius") == [0.0205]  # [Dev-Q]


@pytest.mark.parametrize("leg", [leg for leg, _, _ in LEGS])
def test_leg_joints(leg: str) -> None:
    expected: Dict[str, Tuple[List[float], float, float]] = {  # [Dev-Q] axis, lower, upper
        "abad": ([1, 0, 0], -1.134, 1.134),
        "hip": ([0, -1, 0], -3.141, 2.792),
        "knee": ([0, -1, 0], 0.436, 2.705),
    }
    for name, (axis, lower, upper) in expected.items():
        joint = f"{leg}_{name}_joint"
        assert JOINTS[joint].attrib["type"] == "revolute"
        assert numbers(JOINTS[joint], "axis", "xyz") == axis
        assert limit(joint) == {"lower": lower, "upper": upper, "effort": 9.1, "velocity": 16.29}  # [Dev-Q]
        assert numbers(JOINTS[joint], "dynamics", "friction") == [0.1]  # the vendor's advice, SDK issue 12
        assert numbers(JOINTS[joint], "dynamics", "damping") == [0.01]  # assumed


@pytest.mark.parametrize(("leg", "end", "side"), LEGS)
def test_leg_masses(leg: str, end: int, side: int) -> None:
    abad, thigh, calf, foot = (f"{leg}_{part}_link" for part in ("abad", "thigh", "calf", "foot"))
    assert [mass(abad), mass(thigh), mass(calf), mass(foot)] == [0.44753, 0.52665, 0.078504, 0.001]  # [Dev-Q]
    # [Dev-Q] for the front left leg; y mirrored to the right, the abad link's x to the hind.
    assert com(abad) == pytest.approx([-0.00319 * end, -0.00730 * side, 0.00019])
    assert com(thigh) == pytest.approx([-0.00245, -0.01855 * side, -0.02235])
    assert com(calf) == pytest.approx([-0.00502, 0, -0.08594])
    assert np.diag(inertia(abad)) == pytest.approx([3.159e-4, 3.690e-4, 3.319e-4])  # [Dev-Q]
    # Not the vendor's, which is invalid: Mini Cheetah's thigh scaled by mass and length.
    assert np.diag(inertia(thigh)) == pytest.approx([1.0e-3, 1.05e-3, 3.1e-4])
    assert np.diag(inertia(calf)) == pytest.approx([3.337e-4, 3.405e-4, 1.763e-5])  # [Dev-Q]
    assert inertia(calf)[0, 2] == 2.25e-5  # [Dev-Q]


def test_arm_joints() -> None:
    pi = np.pi
    chain = [  # [SO101] name, origin, rpy, lower, upper
        ("shoulder_pan", [0.0388353, 0, 0.0624], [pi, 0, -pi], -1.91986, 1.91986),
        ("shoulder_lift", [-0.0303992, -0.0182778, -0.0542], [-pi / 2, -pi / 2, 0], -1.74533, 1.74533),
        ("elbow_flex", [-0.11257, -0.028, 0], [0, 0, pi / 2], -1.69, 1.69),
        ("wrist_flex", [-0.1349, 0.0052, 0], [0, 0, -pi / 2], -1.65806, 1.65806),
        ("wrist_roll", [0, -0.0611, 0.0181], [pi / 2, 0.0486795, pi], -2.74385, 2.84121),
        ("gripper", [0.0202, 0.0188, -0.0234], [pi / 2, 0, 0], -0.174533, 1.74533),
    ]
    for (name, origin, rpy, lower, upper), parent, child in zip(chain, ARM_LINKS, ARM_LINKS[1:]):
        joint = JOINTS[name]
        assert element(joint, "parent").attrib["link"] == f"arm_{parent}_link"
        assert element(joint, "child").attrib["link"] == f"arm_{child}_link"
        assert numbers(joint, "origin", "xyz") == pytest.approx(origin)
        assert numbers(joint, "origin", "rpy") == pytest.approx(rpy)
        assert numbers(joint, "axis", "xyz") == [0, 0, 1]
        # STS3215-C018 at 12 V: 30 kg cm stall, 45 rpm without load
        assert limit(name) == {"lower": lower, "upper": upper, "effort": 2.94, "velocity": 4.71}
        # joints_properties.xml in SO-ARM100
        assert numbers(joint, "dynamics", "damping") == [0.60]
        assert numbers(joint, "dynamics", "friction") == [0.052]
    assert numbers(JOINTS["gripper_frame_joint"], "origin", "xyz") == [-0.0079, -0.000218, -0.0981274]  # [SO101]


def test_arm_masses() -> None:
    expected = [0.147, 0.100006, 0.103, 0.104, 0.079, 0.087, 0.012]  # [SO101]
    assert [mass(f"arm_{part}_link") for part in ARM_LINKS] == expected
    assert com("arm_upper_arm_link") == [-0.08985, -0.00838, 0.01841]  # [SO101]
    assert np.diag(inertia("arm_lower_arm_link")) == pytest.approx([2.874e-5, 1.598e-4, 1.453e-4])  # [SO101]


def test_arm_stands_flat_on_the_back() -> None:
    joint = JOINTS["arm_base_joint"]
    assert numbers(joint, "origin", "xyz") == [0.03, 0, 0.058]  # z: top of the vendor's trunk mesh; x assumed
    assert numbers(joint, "origin", "rpy") == [0, 0, 0]


def test_camera() -> None:
    assert numbers(LINKS["camera_link"], "collision/geometry/box", "size") == [0.030, 0.090, 0.025]  # Gemini 2
    assert numbers(JOINTS["camera_joint"], "origin", "rpy") == [0, 0.35, 0]
    assert numbers(JOINTS["camera_color_joint"], "origin", "xyz") == [0.0019, -0.0140, 0]  # [Gemini]
    for stream in ("depth", "color"):  # REP 103: z along the view, x to the right
        joint = JOINTS[f"camera_{stream}_optical_joint"]
        assert numbers(joint, "origin", "rpy") == pytest.approx([-np.pi / 2, 0, -np.pi / 2])


@pytest.mark.parametrize("link", solid_links())
def test_inertia_is_physical(link: str) -> None:
    assert mass(link) > 0
    small, middle, large = np.linalg.eigvalsh(inertia(link))
    assert small > 0
    assert small + middle >= large  # what any distribution of mass obeys


def test_every_moving_link_has_mass() -> None:
    for name, joint in JOINTS.items():
        if joint.attrib["type"] != "fixed":
            assert element(joint, "child").attrib["link"] in solid_links(), name


def test_links_without_mass_are_frames() -> None:
    assert set(LINKS) - set(solid_links()) == {
        "imu_link",
        "gripper_frame",
        "camera_depth_frame",
        "camera_depth_optical_frame",
        "camera_color_frame",
        "camera_color_optical_frame",
    }
