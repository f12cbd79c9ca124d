"""Reading a URDF: links and joints, checked. What is wrong is named by its element."""

import math
import re
import xml.etree.ElementTree as ET
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from xdog.core.body import ZERO, Body, Geometry, Joint, Link, Numbers
from xdog.core.config_file import ConfigError

JOINT_TYPES = ("fixed", "revolute", "continuous", "prismatic", "planar", "floating")
LIMITED = ("revolute", "prismatic")
"""Types of joints that need a limit."""
SIZES = {"box": (("size", 3),), "sphere": (("radius", 1),), "cylinder": (("radius", 1), ("length", 1))}
"""Attributes of each geometry and how many numbers they hold, m."""
LOADING = {"discardvisual", "fusestatic", "strippath", "meshdir", "texturedir", "assetdir"}
"""Options for MuJoCo that change how the file is loaded and shown, not how the body moves."""


class DescriptionError(ConfigError):
    """The URDF is malformed, or does not fit together with robot.yaml or with joints from elsewhere."""


def parse_body(text: str, where: str) -> Body:
    """Read a URDF.

    Args:
        text: its XML.
        where: its file, for messages.

    Raises:
        DescriptionError: it is malformed; the message names file, element and remedy.
    """
    expand = f"expand it first: xacro FILE > {where}" if where != "urdf/xdog.urdf" else "run scripts/generate_urdf"
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        if "xacro:" in text:
            raise DescriptionError(f"{where} holds <xacro:...> elements, so it is no plain URDF: {expand}") from error
        raise DescriptionError(f"{where} is not well-formed XML: {error}") from error
    if root.tag != "robot":
        raise DescriptionError(f"{where}: a URDF begins with <robot>, this file with <{root.tag}>")
    for element, name in _named(root):
        left = [value for value in element.attrib.values() if re.search(r"\$[{(]", value)]
        if "xacro" in element.tag or left:
            what = f"'{left[0]}'" if left else f"<{element.tag.rsplit('}', 1)[-1]}>"
            raise DescriptionError(f"{where}: {name} holds {what}, which xacro left or never saw: {expand}")
    links = {link.name: link for link in (_link(element, where) for element in _unique(root, "link", where))}
    joints = {joint.name: joint for joint in (_joint(element, where) for element in _unique(root, "joint", where))}
    options = (
        (element.tag, key, value)
        for element in root.findall("mujoco/*")
        for key, value in element.attrib.items()
        if key not in LOADING
    )
    return Body(links, joints, _root(links, joints, where), tuple(options))


def _named(root: ET.Element) -> Iterator[Tuple[ET.Element, str]]:
    """Every element with the name of what it belongs to."""
    yield root, "<robot>"
    for child in root:
        name = f"{child.tag} '{child.get('name')}'" if child.get("name") else f"<{child.tag.rsplit('}', 1)[-1]}>"
        for element in child.iter():
            yield element, name


def _unique(root: ET.Element, tag: str, where: str) -> List[ET.Element]:
    elements = root.findall(tag)
    names = [element.get("name", "") for element in elements]
    if "" in names:
        raise DescriptionError(f"{where}: {tag} number {names.index('') + 1} has no name")
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise DescriptionError(f"{where}: {tag} '{twice[0]}' is there twice: give one of them another name")
    return elements


def _numbers(element: Optional[ET.Element], key: str, fallback: Sequence[float], what: str) -> Numbers:
    """The finite numbers of an attribute, as many as the fallback has."""
    text = None if element is None else element.get(key)
    if text is None or element is None:
        return tuple(fallback)
    try:
        values = tuple(float(part) for part in text.split())
    except ValueError:
        values = ()
    if len(values) != len(fallback) or not all(math.isfinite(value) for value in values):
        count = "a number" if len(fallback) == 1 else f"{len(fallback)} numbers"
        raise DescriptionError(f"{what}: {key} of <{element.tag}> is '{text}'; it must be {count}")
    return values


def _number(element: Optional[ET.Element], key: str, fallback: float, what: str) -> float:
    return _numbers(element, key, (fallback,), what)[0]


def _link(element: ET.Element, where: str) -> Link:
    name = element.get("name", "")
    what = f"{where}: link '{name}'"
    inertial = element.find("inertial")
    parts = {tag: None if inertial is None else inertial.find(tag) for tag in ("origin", "mass", "inertia")}
    mass = _number(parts["mass"], "value", 0.0, what)
    if mass < 0.0:
        raise DescriptionError(f"{what}: its mass is {mass} kg; it must be zero or more")
    return Link(
        name=name,
        mass=mass,
        xyz=_numbers(parts["origin"], "xyz", ZERO, what),
        rpy=_numbers(parts["origin"], "rpy", ZERO, what),
        inertia=tuple(_number(parts["inertia"], k, 0.0, what) for k in ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")),
        collisions=tuple(_geometry(shape, what) for shape in element.findall("collision")),
        visuals=tuple(_geometry(shape, what) for shape in element.findall("visual")),
    )


def _geometry(element: ET.Element, what: str) -> Geometry:
    """The shape of a <collision> or <visual>."""
    holder, origin = element.find("geometry"), element.find("origin")
    shape = None if holder is None or not len(holder) else holder[0]
    if shape is None:
        raise DescriptionError(f"{what}: a <{element.tag}> has no geometry: give it a box, a sphere or a cylinder")
    pose = _numbers(origin, "xyz", ZERO, what), _numbers(origin, "rpy", ZERO, what)
    if shape.tag == "mesh":
        return Geometry("mesh", *pose, _numbers(shape, "scale", (1.0, 1.0, 1.0), what), shape.get("filename", ""))
    if shape.tag not in SIZES:
        raise DescriptionError(f"{what}: <{shape.tag}> is no geometry of a URDF; use a box, a sphere or a cylinder")
    size: List[float] = []
    for key, count in SIZES[shape.tag]:
        size += _numbers(shape, key, (0.0,) * count, what)
    if min(size) <= 0.0:
        keys = " and ".join(key for key, _ in SIZES[shape.tag])
        raise DescriptionError(f"{what}: the {keys} of a <{shape.tag}> must be above zero")
    return Geometry(shape.tag, *pose, tuple(size))


def _joint(element: ET.Element, where: str) -> Joint:
    name, kind = element.get("name", ""), element.get("type", "")
    what = f"{where}: joint '{name}'"
    ends = {tag: element.find(tag) for tag in ("parent", "child")}
    linked = {tag: "" if end is None else end.get("link", "") for tag, end in ends.items()}
    for tag, link in linked.items():
        if not link:
            raise DescriptionError(f'{what} has no <{tag} link="..."/>')
    if kind not in JOINT_TYPES:
        raise DescriptionError(f"{what} has the type '{kind}'; known: {', '.join(JOINT_TYPES)}")
    origin, axis, limit, dynamics = (element.find(tag) for tag in ("origin", "axis", "limit", "dynamics"))
    lacking = [key for key in ("lower", "upper", "effort", "velocity") if limit is None or limit.get(key) is None]
    if kind in LIMITED and lacking:
        raise DescriptionError(f"{what} is {kind}, so its <limit> must give {', '.join(lacking)}")
    direction = _numbers(axis, "xyz", (1.0, 0.0, 0.0), what)
    if kind != "fixed" and not any(direction):
        raise DescriptionError(f"{what}: its axis has no direction")
    lower = _number(limit, "lower", -math.inf, what)
    upper = _number(limit, "upper", math.inf, what)
    if lower > upper:
        raise DescriptionError(f"{what}: its lower limit {lower} lies above its upper one {upper}")
    return Joint(
        name=name,
        kind=kind,
        parent=linked["parent"],
        child=linked["child"],
        xyz=_triple(origin, "xyz", what),
        rpy=_triple(origin, "rpy", what),
        axis=(direction[0], direction[1], direction[2]),
        lower=lower,
        upper=upper,
        effort=_number(limit, "effort", math.inf, what),
        velocity=_number(limit, "velocity", math.inf, what),
        damping=_number(dynamics, "damping", 0.0, what),
        friction=_number(dynamics, "friction", 0.0, what),
    )


def _triple(element: Optional[ET.Element], key: str, what: str) -> Tuple[float, float, float]:
    x, y, z = _numbers(element, key, ZERO, what)
    return (x, y, z)


def _root(links: Mapping[str, Link], joints: Mapping[str, Joint], where: str) -> str:
    """The one link that holds all others.

    Raises:
        DescriptionError: the links do not form one tree.
    """
    held: Dict[str, str] = {}
    for joint in joints.values():
        for link in (joint.parent, joint.child):
            if link not in links:
                raise DescriptionError(f"{where}: joint '{joint.name}' names the link '{link}', which is not there")
        if joint.child in held:
            raise DescriptionError(
                f"{where}: link '{joint.child}' hangs on two joints, '{held[joint.child]}' and '{joint.name}'"
            )
        held[joint.child] = joint.name
    roots = [name for name in links if name not in held]
    if len(roots) > 1:
        names = ", ".join(f"'{name}'" for name in roots)
        raise DescriptionError(f"{where} has several roots, {names}: join all but one to the body by (fixed) joints")
    reached, waiting = set(), list(roots)
    while waiting:
        link = waiting.pop()
        reached.add(link)
        waiting += [joint.child for joint in joints.values() if joint.parent == link]
    circle = [name for name in links if name not in reached]
    if circle or not roots:
        raise DescriptionError(f"{where}: its joints form a circle through the link '{(circle or [''])[0]}'")
    return roots[0]
