"""The administrator's own Python scripts, which run beside the plugin in Orthanc's one interpreter."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path

from orthanc_console.plugin.log import logger
from orthanc_console.plugin.warnings import Warnings


def load(paths: Iterable[str], warnings: Warnings) -> None:
    """Import each script as Orthanc imports its `PythonScript`: by its name, with its folder in the search path.

    Never raises: what goes wrong becomes the warning `also_load`, because an exception would keep Orthanc from starting.
    """
    problems = [problem for path in paths if (problem := _load(Path(path).absolute()))]
    if problems:
        warnings.set("also_load", " ".join(problems))


def _load(path: Path) -> str:
    """Why the script does not run, or not to its end; empty when it does."""
    if path.suffix != ".py" or not path.is_file():
        return f'"AlsoLoad": there is no Python script {path} that Orthanc may read. The plugin works without it.'
    if path.stem in sys.modules:
        return (
            f'"AlsoLoad": {path} was not loaded, because a module with the name "{path.stem}" is in use already. '
            "Rename the file."
        )
    # Right after the plugin's own folder: what lies beside a script comes before Python's own modules, as with Orthanc.
    sys.path.insert(1, str(path.parent))
    try:
        importlib.import_module(path.stem)
    except (Exception, SystemExit) as error:
        logger.exception("%s failed", path)
        return (
            f'"AlsoLoad": {path} ended with {type(error).__name__}: {error}. What it registered before that stays, the rest of '
            "it is missing, and the plugin works on. Orthanc's log says where it happened; mend the script and restart Orthanc."
        )
    logger.info("%s was loaded", path)
    return ""
