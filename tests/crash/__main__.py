"""``python -m tests.crash --kills 200 --tears 50 --seed 1``: the crash tests at any length."""

import argparse
import sys
from pathlib import Path
from tempfile import mkdtemp

from tests.crash.harness import Harness

parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
parser.add_argument("--kills", type=int, default=200)
parser.add_argument("--tears", type=int, default=50)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--readers", type=int, default=1)
options = parser.parse_args()
folder = Path(mkdtemp(prefix="dealhouse-crash-"))
report = Harness(folder, options.seed).go(options.kills, options.tears, options.readers)
print(report)
for line in (report.problems + report.seen.errors + report.seen.mixed)[:20]:
    print(line)
print(f"The homes are left in {folder}.")
sys.exit(bool(report.problems or report.seen.errors or report.seen.mixed))
