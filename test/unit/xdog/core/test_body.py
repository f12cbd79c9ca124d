"""A body's hash: what a policy depends on changes it, and nothing else does."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urdf_edits import HASH, LIDAR, MOUNT, URDF, added, body_hash, changed, fixed


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
