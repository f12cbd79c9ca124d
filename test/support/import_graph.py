"""Which module of src imports which, from the text of the files: nothing is run."""

import ast
from pathlib import Path
from typing import Dict, List, Set

from repository import ROOT

SOURCES = sorted((ROOT / "src").rglob("*.py"))


def module_name(path: Path) -> str:
    """Dotted name of a file of src, for example ``xdog.core.paths``."""
    parts = path.relative_to(ROOT / "src").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(source: str) -> Set[str]:
    """Dotted names imported anywhere in a module's text, inside functions too; ``from a import b`` gives ``a.b``."""
    names: Set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def import_graph() -> Dict[str, Set[str]]:
    """For every module of src the modules of src that it imports."""
    modules = {module_name(path): path for path in SOURCES}
    graph: Dict[str, Set[str]] = {}
    for module, path in modules.items():
        wanted = imported_names(path.read_text(encoding="utf-8"))
        found = {name if name in modules else name.rpartition(".")[0] for name in wanted} & set(modules)
        graph[module] = found - {module}
    return graph


def circles(graph: Dict[str, Set[str]]) -> List[List[str]]:
    """Groups of modules that import each other, directly or through others."""

    def reachable(start: str) -> Set[str]:
        seen: Set[str] = set()
        waiting = list(graph[start])
        while waiting:
            module = waiting.pop()
            if module not in seen:
                seen.add(module)
                waiting.extend(graph[module])
        return seen

    reach = {module: reachable(module) for module in graph}
    groups = {tuple(sorted({m, *(o for o in reach[m] if m in reach[o])})) for m in graph if m in reach[m]}
    return [list(group) for group in sorted(groups)]
