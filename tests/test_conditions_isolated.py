from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import datetime
from routing.conditions import StudyFacts, compile_condition, decide
field = {"field": "Modality", "type": "text", "scope": "series"}
tree = {"op": "==", "left": field, "right": {"value": "CT", "type": "text"}}
facts = StudyFacts({}, [{"Modality": "CT"}])
decision = decide(compile_condition(tree), facts, now=datetime.datetime(2025, 1, 1))
assert decision.result == "match"
foreign = sorted(
    name for name in sys.modules
    if name.partition(".")[0] not in {*sys.stdlib_module_names, "__main__", "routing"}
)
assert not foreign, foreign
assert not any(name.startswith("routing") for name in sys.modules
               if name != "routing" and not name.startswith("routing.conditions"))
"""


def test_conditions_need_nothing_but_the_standard_library() -> None:
    # Isolated and without the site module: neither installed packages nor the environment count.
    command = [sys.executable, "-I", "-S", "-c", PROGRAM, str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
