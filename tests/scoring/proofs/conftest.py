"""Features and labels of a sample company, built by the project, beside what its generator knows."""

import zlib
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
import pytest

from scoring.evaluation.backtest import fitted
from scoring.model import ScoreModel
from scoring.specs import Spec, spec
from scoring.training import Fitted, candidates, fit, training_rows
from tests.part import copy_project
from tests.scoring.proofs.truth import Truth
from warehouse import dbt, pipeline
from warehouse.sample import write_company
from warehouse.settings import Settings
from warehouse.store import open_store

DAYS, ACCOUNTS = 400, 1500
"""Three times the default: 500 accounts have some 230 customers who leave, too few to tell a list from a better one."""


@dataclass(frozen=True)
class Sample:
    truth: Truth
    leads: pl.DataFrame
    customers: pl.DataFrame
    as_of: datetime


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("proofs")
    files = write_company(folder / "company", days=DAYS, accounts=ACCOUNTS).files
    copy_project(folder / "project", ("label_lead", "label_customer"))
    settings = Settings(
        home=folder / "home", project_dir=folder / "project", reporting_currency="USD", stage_rule_set="adtech"
    )
    pipeline.take_in(settings, files)
    kinds = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
    built = dbt.invoke(settings, ["build", "--full-refresh", *kinds])
    assert [node.name for node in built.nodes if not node.is_good] == []
    with open_store(settings.layout(), settings) as con:
        leads, as_of = training_rows(con, spec("lead_90d"))
        customers, _ = training_rows(con, spec("churn_30d"))
    return Sample(Truth(DAYS, ACCOUNTS), leads, customers, as_of)


@dataclass(frozen=True)
class Learnt:
    """A score as it is fitted, with rows of subjects that it has not seen, on which it was judged."""

    spec: Spec
    fitted: Fitted
    model: ScoreModel
    rows: pl.DataFrame
    """Those of a quarter of the subjects, with ``p`` by a model of the same kind that knew none of these."""


def learn(score: str, rows: pl.DataFrame, as_of: datetime) -> Learnt:
    one = spec(score)
    found = fit(one, rows, as_of)
    # What drives the sample does not change with time: a quarter of the subjects, at all times, may be the judge.
    judged = pl.Series([zlib.crc32(name.encode()) % 4 == 0 for name in rows[one.subject].to_list()])
    train, test = rows.filter(~judged), rows.filter(judged)
    columns = one.usable([name for name in rows.columns if name != "label"])
    kind = found.chosen if found.chosen != "base" else "spline"
    estimator = fitted(
        dict(candidates(one))[kind], train.select(columns), train["label"].to_numpy(), train[one.subject].to_numpy()
    )
    p = np.asarray(estimator.predict_proba(test.select(columns)))[:, 1]
    return Learnt(one, found, ScoreModel.from_dict(found.model), test.with_columns(p=pl.Series(p)))


@pytest.fixture(scope="session")
def leads(sample: Sample) -> Learnt:
    return learn("lead_90d", sample.leads, sample.as_of)


@pytest.fixture(scope="session")
def churn(sample: Sample) -> Learnt:
    return learn("churn_30d", sample.customers, sample.as_of)
