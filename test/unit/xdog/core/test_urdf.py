"""URDFs that owners edit: one message for each mistake, with its element."""

import re

import pytest
from urdf_edits import MOUNT, URDF, added, changed, fixed

from xdog.core.urdf import DescriptionError, parse_body


@pytest.mark.parametrize(
    ("urdf", "message"),
    [
        ("<robot", "urdf/xdog.urdf is not well-formed XML"),
        ("<sdf/>", "a URDF begins with <robot>, this file with <sdf>"),
        (
            '<robot><xacro:leg side="left"/></robot>',
            "holds <xacro:...> elements, so it is no plain URDF: run scripts/gen",
        ),
        (
            '<robot xmlns:xacro="http://www.ros.org/wiki/xacro"><xacro:property name="w" value="1"/></robot>',
            "property 'w' holds <property>, which xacro left",
        ),
        (
            changed('xyz="0 0 0.0075"', 'xyz="0 0 ${height}"'),
            "link 'base_link' holds '0 0 ${height}', which xacro left",
        ),
        (changed('<robot name="xdog">', '<robot name="$(arg name)">'), "<robot> holds '$(arg name)'"),
        (changed('<link name="imu_link"/>', "<link/>"), "link number 2 has no name"),
        (added('<link name="imu_link"/>'), "link 'imu_link' is there twice"),
        (
            added(MOUNT + MOUNT.replace('link name="lidar_mount"', 'link name="other"')),
            "joint 'lidar_mount_joint' is th",
        ),
        (added('<link name="stray"/>'), "has several roots, 'base_link', 'stray': join all but one"),
        (added(fixed("ghost")), "joint 'ghost_joint' names the link 'ghost', which is not there"),
        (added(MOUNT.replace("lidar_mount", "x") + fixed("x", "imu_link").replace("x_joint", "y")), "'x' hangs on two"),
        (changed('<child link="imu_link"/>', ""), "joint 'imu_joint' has no <child"),
        (
            changed('name="imu_joint" type="fixed"', 'name="imu_joint" type="welded"'),
            "has the type 'welded'; known: fixed",
        ),
        (
            changed('<limit effort="9.1" lower="-1.134" upper="1.134" velocity="16.29"/>', ""),
            "its <limit> must give lower",
        ),
        (changed(' upper="1.134"', ""), "joint 'front_right_abad_joint' is revolute, so its <limit> must give upper"),
        (changed('upper="1.134"', 'upper="-2"'), "its lower limit -1.134 lies above its upper one -2.0"),
        (changed('<axis xyz="1 0 0"/>', '<axis xyz="0 0 0"/>'), "its axis has no direction"),
        (changed('<axis xyz="1 0 0"/>', '<axis xyz="1 0"/>'), "xyz of <axis> is '1 0'; it must be 3 numbers"),
        (
            changed('value="2.5712"', 'value="heavy"'),
            "link 'base_link': value of <mass> is 'heavy'; it must be a number",
        ),
        (changed('value="2.5712"', 'value="-1"'), "link 'base_link': its mass is -1.0 kg"),
        (changed('ixx="0.0063721"', 'ixx="nan"'), "ixx of <inertia> is 'nan'"),
        (changed('size="0.20 0.19 0.1076"', 'size="0.20 0.19"'), "size of <box> is '0.20 0.19'; it must be 3 numbers"),
        (changed('size="0.20 0.19 0.1076"', 'size="0.20 0.19 0"'), "the size of a <box> must be above zero"),
        (changed('<box size="0.20 0.19 0.1076"/>', ""), "a <collision> has no geometry"),
        (changed('<box size="0.20 0.19 0.1076"/>', '<cone radius="1"/>'), "<cone> is no geometry of a URDF"),
    ],
)
def test_a_mistake_is_named_with_its_element(urdf: str, message: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        parse_body(urdf, "urdf/xdog.urdf")
    assert message in str(caught.value)
    assert "urdf/xdog.urdf" in str(caught.value)


def test_joints_in_a_circle_are_named() -> None:
    pair = fixed("a", "b") + fixed("b", "a").replace("b_joint", "c_joint")
    with pytest.raises(DescriptionError, match="its joints form a circle through the link 'a'"):
        parse_body(added(f'<link name="a"/><link name="b"/>{pair}'), "urdf/xdog.urdf")


def test_another_files_xacro_is_expanded_into_it() -> None:
    with pytest.raises(DescriptionError, match=r"rex\.urdf holds .* expand it first: xacro FILE > rex\.urdf"):
        parse_body("<robot><xacro:leg/></robot>", "rex.urdf")


def test_a_body_is_read_whole() -> None:
    body = parse_body(URDF, "urdf/xdog.urdf")
    assert body.root == "base_link"
    assert len(body.links) == len(re.findall("<link ", URDF))
    assert len(body.joints) == len(body.links) - 1
    knee = body.joints["front_right_knee_joint"]
    assert (knee.lower, knee.upper, knee.effort, knee.velocity) == (0.436, 2.705, 9.1, 16.29)
