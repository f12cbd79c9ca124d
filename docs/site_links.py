"""Hook of mkdocs: the site shows the README, the policies' cards and other files of the repository that pages link to.

Pages link to files as GitHub resolves them, relative to their own place in the repository. The site holds ``docs/`` at
its root and every other linked file under its path in the repository, so links are rewritten from the one tree to the
other. A link to a file or an anchor that does not exist is a warning, on which ``mkdocs build --strict`` fails.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "examples/README.md",
    *(f"policies/{card.name}" for card in sorted(ROOT.glob("policies/*.md"))),
]
"""Pages that lie outside docs/, by their path in the repository."""
CODE_OR_LINK = re.compile(r"```.*?```|`[^`\n]*`|\]\((?![a-z]+:|#|/)(?P<target>[^)#\s]+)", re.DOTALL)
LOG = get_plugin_logger("site_links")


def site_path(path: str) -> str:
    """Where the site holds a file of the repository."""
    if path == "README.md":
        return "index.md"
    return path[len("docs/") :] if path.startswith("docs/") else path


def repository_path(path: str) -> str:
    """Where the repository holds a page of the site: the inverse of ``site_path``."""
    if path == "index.md":
        return "README.md"
    return path if path in PAGES else f"docs/{path}"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside docs/."""
    for path in PAGES:
        files.append(File.generated(config, site_path(path), abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite a page's relative links, and add the files that they name to the site."""
    folder = posixpath.dirname(repository_path(page.file.src_uri))

    def rewritten(match: "re.Match[str]") -> str:
        if match["target"] is None:
            return match[0]
        path = posixpath.normpath(posixpath.join(folder, match["target"]))
        if not (ROOT / path).is_file():
            LOG.warning("%s links to %s, which is no file", repository_path(page.file.src_uri), match["target"])
        target = site_path(path)
        if files.get_file_from_path(target) is None and (ROOT / path).is_file():
            files.append(File.generated(config, target, abs_src_path=str(ROOT / path)))
        return "](" + posixpath.relpath(target, posixpath.dirname(page.file.src_uri) or ".")

    return CODE_OR_LINK.sub(rewritten, markdown)
