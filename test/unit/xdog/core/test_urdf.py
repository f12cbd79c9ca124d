"""URDFs that owners edit: what changes the body's hash and what does not, and one message for each mistake."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdog.core.paths import share_path
from xdog.core.urdf import DescriptionError, parse_body

URDF = share_path("urdf", "xdog.urdf").read_text()
HASH = parse_body(URDF, "urdf/xdog.urdf").hash()


def added(text: str) -> str:
    """The robot's URDF with more in it."""
    return URDF.replace("</robot>", f"{text}</robot>")


def changed(before: str, after: str) -> str:
    """The robot's URDF with the first of something replaced."""
    assert before in URDF
    return URDF.replace(before, after, 1)


def body_hash(urdf: str) -> str:
    return parse_body(urdf, "urdf/xdog.urdf").hash()


def fixed(child: str, parent: str = "base_link", origin: str = '<origin xyz="0 0 0.1"/>') -> str:
    return f'<joint name="{child}_joint" type="fixed"><parent link="{parent}"/><child link="{child}"/>{origin}</joint>'


MOUNT = '<link name="lidar_mount"/>' + fixed("lidar_mount")
LIDAR = (
    '<link name="lidar"><inertial><mass value="0.2"/>'
    '<inertia ixx="1e-4" ixy="0" ixz="0" iyy="1e-4" iyz="0" izz="1e-4"/></inertial></link>'
)


# What the hash is of.


@pytest.mark.parametrize(
    "urdf",
    [
        added(MOUNT),
        added(MOUNT + '<link name="lidar_frame"/>' + fixed("lidar_frame", "lidar_mount")),
        added('<link name="shell"><visual><geometry><box size="1 1 1"/></geometry></visual></link>' + fixed("shell")),
        added('<transmission name="t"/><gazebo reference="base_link"/>'),
        changed('<robot name="xdog">', '<robot name="rex">'),
        changed('<compiler discardvisual="false" fusestatic="false"/>', '<compiler meshdir="meshes"/>'),
        changed('value="2.5712"', 'value="2.57120"'),
        changed("<visual>", "<!-- seen --><visual>"),
        URDF.replace("camera_depth_frame", "depth_frame"),
        URDF.replace("arm_wrist_link", "wrist"),
    ],
)
def test_what_no_policy_depends_on_leaves_the_hash_alone(urdf: str) -> None:
    assert urdf != URDF
    assert body_hash(urdf) == HASH


def test_a_frame_between_body_and_camera_leaves_the_hash_alone() -> None:
    between = (
        '<joint name="camera_joint" type="fixed">',
        '<link name="bracket"/>' + fixed("bracket", origin="") + '<joint name="camera_joint" type="fixed">',
    )
    head, tail = changed(*between).split('<joint name="camera_joint" type="fixed">')
    assert (
        body_hash(
            head
            + '<joint name="camera_joint" type="fixed">'
            + tail.replace('<parent link="base_link"/>', '<parent link="bracket"/>', 1)
        )
        == HASH
    )


def test_the_order_of_elements_leaves_the_hash_alone() -> None:
    link = '<link name="imu_link"/>'
    assert body_hash(URDF.replace(link, "").replace("</robot>", f"{link}</robot>")) == HASH


@pytest.mark.parametrize(
    "urdf",
    [
        added(LIDAR + fixed("lidar")),
        added('<link name="b"><collision><geometry><box size="1 1 1"/></geometry></collision></link>' + fixed("b")),
        changed('value="2.5712"', 'value="2.58"'),
        changed('ixx="0.0063721"', 'ixx="0.0064"'),
        changed('xyz="-0.00091 -0.00138 -0.00130"', 'xyz="-0.00191 -0.00138 -0.00130"'),
        changed('radius="0.0205"', 'radius="0.0210"'),
        changed('lower="0.436"', 'lower="0.5"'),
        changed('velocity="16.29"', 'velocity="12"'),
        changed('<compiler discardvisual="false"', '<compiler balanceinertia="true" discardvisual="false"'),
        re.sub(r'(name="arm_base_joint".*?xyz=")\S+', r"\g<1>0.05", URDF, count=1, flags=re.DOTALL),
    ],
)
def test_what_a_policy_depends_on_changes_the_hash(urdf: str) -> None:
    assert urdf != URDF
    assert body_hash(urdf) != HASH


@given(st.floats(0.001, 5.0))
def test_where_a_mass_sits_counts_and_by_how_many_frames_does_not(height: float) -> None:
    direct = body_hash(added(LIDAR + fixed("lidar", origin=f'<origin xyz="0 0 {height}"/>')))
    half = f'<origin xyz="0 0 {height / 2}"/>'
    mast = '<link name="mast"/>' + fixed("mast", origin=half)
    assert body_hash(added(mast + LIDAR + fixed("lidar", "mast", half))) == direct
    assert body_hash(added(LIDAR + fixed("lidar", origin=f'<origin xyz="0 0 {height + 0.01}"/>'))) != direct


# Mistakes.


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
