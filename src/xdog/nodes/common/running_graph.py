"""A check of ./xdog sim before it starts nodes: does this master already serve a robot?"""

import re
import sys
from typing import Set
from urllib.parse import urlsplit

import rosgraph

from xdog.core.paths import share_path
from xdog.nodes.common.master import CLEANUP, HungError, NoAnswerError, find_nodes

NODE = re.compile(r'<node\s+name="(\w+)"')


def graph_names() -> Set[str]:
    """Names of all nodes that XDog's launch files start."""
    folder = share_path("launch")
    files = [*folder.rglob("*.launch"), *folder.rglob("*.launch.xml")]
    return {name for path in files for name in NODE.findall(path.read_text(encoding="utf-8"))}


def objection() -> str:
    """Why no graph may be started under this master, and the remedy; empty if it may."""
    uri = rosgraph.get_master_uri()
    other = f"http://localhost:{(urlsplit(uri).port or 11311) + 1}"
    remedy = f"or use another master, here and for ./xdog teleop: export ROS_MASTER_URI={other}"
    try:
        running = find_nodes(graph_names())
    except HungError as error:
        return f"the ROS master hangs: {error}. End it, {remedy}"
    except NoAnswerError:
        return ""  # there is none yet
    if not running:
        return ""
    names, hosts = ", ".join(node.name for node in running), " and ".join(sorted({node.host for node in running}))
    return (
        f"a robot or a simulation runs under the ROS master at {uri}: {names} on {hosts}. A second one would replace "
        f"these nodes, and give a real robot a simulated clock. End it first, by Ctrl-C where it was started or with "
        f"'rosnode kill -a', {remedy}" + (f". {CLEANUP}" if any(node.process is None for node in running) else "")
    )


if __name__ == "__main__":
    problem = objection()
    if problem:
        sys.exit(f"xdog: {problem}")
