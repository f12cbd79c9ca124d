"""The robot's description: joints by name, fixed transforms, and one message for whatever is malformed."""

import copy
from pathlib import Path
from typing import Any, Callable, Dict

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xdog.core.description import DescriptionError, load_description, parse_description
from xdog.core.paths import share_path
from xdog.core.rotations import rotation_matrix

ROBOT = load_description()
CONFIG = yaml.safe_load(share_path("launch", "config", "robot.yaml").read_text())


def test_joints_are_found_by_name() -> None:
    names = ["other", *reversed(ROBOT.legs.names)]
    assert ROBOT.legs.indices(names).tolist() == list(range(12, 0, -1))
    with pytest.raises(DescriptionError, match="joints missing: front_right_abad_joint"):
        ROBOT.legs.indices(ROBOT.legs.names[1:])


def spoiled(spoil: Callable[[Dict[str, Any]], Any]) -> Dict[str, Any]:
    config = copy.deepcopy(CONFIG)
    spoil(config)
    return config


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda c: c["legs"]["joints"].append("tail"), "joints that the URDF lacks: tail"),
        (lambda c: c["legs"]["joints"].__setitem__(0, c["legs"]["joints"][1]), "a joint is listed twice"),
        (lambda c: c["legs"]["poses"]["stand"].pop(), "pose stand has 11 values for 12 joints"),
        (lambda c: c["legs"]["poses"]["stand"].__setitem__(0, 5.0), "pose stand lies outside"),
        (lambda c: c["legs"]["feet"].append("hoof"), "feet that the URDF lacks: hoof"),
    ],
)
def test_a_robot_yaml_that_does_not_fit_the_urdf_is_refused(
    spoil: Callable[[Dict[str, Any]], Any], message: str
) -> None:
    with pytest.raises(DescriptionError) as caught:
        parse_description(ROBOT.urdf, spoiled(spoil), "robot.yaml")
    assert message in str(caught.value)
    assert "robot.yaml" in str(caught.value)


def test_the_file_of_an_edited_urdf_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.urdf"
    path.write_text(ROBOT.urdf.replace('lower="-1.134"', 'lower="low"'))
    with pytest.raises(
        DescriptionError, match=r"mine\.urdf: joint 'front_right_abad_joint': lower of <limit> is 'low'"
    ):
        load_description(urdf_path=path)


def test_a_foot_without_a_sphere_to_stand_on_is_named() -> None:
    before, after = ROBOT.urdf.split('<link name="front_left_foot_link">')
    for shape in ("", '<collision><geometry><box size="0.02 0.02 0.02"/></geometry></collision>'):
        start, end = after.index("<collision>"), after.index("</collision>") + len("</collision>")
        urdf = f'{before}<link name="front_left_foot_link">{after[:start]}{shape}{after[end:]}'
        with pytest.raises(DescriptionError, match="foot 'front_left_foot_link' has no collision sphere"):
            parse_description(urdf, CONFIG)


def test_a_commanded_joint_that_turns_for_ever_is_named() -> None:
    urdf = ROBOT.urdf.replace('name="shoulder_pan" type="revolute"', 'name="shoulder_pan" type="continuous"')
    with pytest.raises(DescriptionError, match="joint 'shoulder_pan' is continuous in the URDF; it must be revolute"):
        parse_description(urdf, CONFIG)


def test_the_mass_is_the_sum_of_the_links() -> None:
    assert pytest.approx(sum(link.mass for link in ROBOT.links.values())) == ROBOT.mass
    assert 7.0 < ROBOT.mass < 8.0


# Fixed transforms.


def test_the_imu_sits_straight() -> None:
    position, rotation = ROBOT.fixed_transform(ROBOT.frames["imu"])
    np.testing.assert_array_equal(position, np.zeros(3))
    np.testing.assert_array_equal(rotation, np.eye(3))


def test_a_chain_of_fixed_joints_by_hand() -> None:
    frames = """
      <link name="mast"/><link name="lidar"/>
      <joint name="mast_joint" type="fixed"><parent link="base_link"/><child link="mast"/>
        <origin xyz="0.1 0 0.2" rpy="0 0 1.5707963267948966"/></joint>
      <joint name="lidar_joint" type="fixed"><parent link="mast"/><child link="lidar"/>
        <origin xyz="0.05 0 0" rpy="0 0 1.5707963267948966"/></joint>
    </robot>"""
    robot = parse_description(ROBOT.urdf.replace("</robot>", frames), CONFIG)
    lidar = robot.fixed_transform("lidar")
    np.testing.assert_allclose(lidar.position, [0.1, 0.05, 0.2])  # the mast's x is the base's y
    np.testing.assert_allclose(lidar.rotation, np.diag([-1.0, -1.0, 1.0]), atol=1e-12)
    np.testing.assert_allclose(lidar.to_reference(np.array([1.0, 0.0, 0.0])), [-0.9, 0.05, 0.2])
    back = robot.fixed_transform("base_link", "lidar")
    np.testing.assert_allclose(back.to_reference(lidar.position), np.zeros(3), atol=1e-12)
    np.testing.assert_allclose(robot.fixed_transform("lidar", "mast").position, [0.05, 0.0, 0.0], atol=1e-12)


@given(st.lists(st.floats(-2.0, 2.0), min_size=3, max_size=3))
def test_there_and_back_again(point: "list[float]") -> None:
    camera = ROBOT.fixed_transform("camera_color_optical_frame")
    np.testing.assert_allclose(camera.from_reference(camera.to_reference(np.array(point))), point, atol=1e-12)
    np.testing.assert_allclose(camera.rotation @ camera.rotation.T, np.eye(3), atol=1e-9)


def test_the_tool_is_fixed_to_the_gripper_and_moves_against_the_base() -> None:
    tool = ROBOT.fixed_transform(ROBOT.tool_frame, "arm_gripper_link")
    joint = ROBOT.joints["gripper_frame_joint"]
    np.testing.assert_array_equal(tool.position, joint.xyz)
    np.testing.assert_array_equal(tool.rotation, rotation_matrix(*joint.rpy))
    with pytest.raises(DescriptionError, match="gripper_frame must be fixed to base_link, but joints move it"):
        ROBOT.fixed_transform(ROBOT.tool_frame)
    with pytest.raises(DescriptionError, match="has no link 'antenna'"):
        ROBOT.fixed_transform("antenna")
