"""Which files of the tree the lints look at."""

import os
from pathlib import Path

SKIPPED_FOLDERS = {".git", "build", "planted", "__pycache__", "corpus", "golden", ".cache"}
TEXT_SUFFIXES = {
    ".h", ".cpp", ".c", ".cmake", ".py", ".sh", ".md", ".txt", ".yaml", ".yml", ".json", ".service", ".socket", ".conf",
    ".1", ".5", ".7", ".8", "",
}  # fmt: skip


def all_files(root):
    """Every file below `root`, sorted, without build trees, fixtures of the lints and binary data."""
    found = []
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        found.extend(Path(folder) / name for name in sorted(names))
    return found


def text_files(root):
    return [path for path in all_files(root) if path.suffix in TEXT_SUFFIXES and _is_text(path)]


def cpp_files(root):
    return [path for path in all_files(root) if path.suffix in {".h", ".cpp"}]


def _is_text(path):
    try:
        return b"\0" not in path.read_bytes()[:4096]
    except OSError:
        return False
