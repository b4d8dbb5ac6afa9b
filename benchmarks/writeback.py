"""How long changed leads take to reach PostgreSQL, against a bare COPY of the same rows into an empty table."""

import argparse
import io
import statistics
import tempfile
import time
from pathlib import Path

import psycopg
import pyarrow.csv as pc

from benchmarks.measure import *  # noqa: F403
