"""``python -m tests.crash --kills 200 --tears 50 --seed 1``: the crash tests at any length.

Called again with the ``--folder`` that it names, it goes on where it was stopped.
"""

import argparse
import sys
from pathlib import Path
from tempfile import mkdtemp

from tests.crash.harness import Harness
from tests.part import PART

parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
parser.add_argument("--kills", type=int, default=200)
parser.add_argument("--tears", type=int, default=50)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--readers", type=int, default=1)
parser.add_argument("--all-models", action="store_true", help="build the whole project instead of a part of it")
parser.add_argument("--folder", type=Path, help="where the homes are; one that was left before is gone on with")
options = parser.parse_args()
folder = options.folder or Path(mkdtemp(prefix="dealhouse-crash-"))
print(f"To go on after an interruption: --folder {folder}", flush=True)
harness = Harness(folder, options.seed, () if options.all_models else PART)
report = harness.go(options.kills, options.tears, options.readers, lambda line: print(line, flush=True))
print(report)
for line in (report.problems + report.seen.errors + report.seen.mixed)[:20]:
    print(line)
print(f"The homes are left in {folder}.")
sys.exit(bool(report.problems or report.seen.errors or report.seen.mixed))
