"""The stored model: equal predictions after JSON, without scikit-learn; documents of a hostile kind are refused."""

import copy
import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from scoring.estimators.additive import AdditiveClassifier

from .conftest import mixed


@pytest.fixture(scope="module")
def model(data) -> AdditiveClassifier:
    return AdditiveClassifier(max_iter=50).fit(*data)


@pytest.fixture
def document(model) -> dict:
    return json.loads(json.dumps(model.to_dict(), allow_nan=False))


def test_a_model_read_back_predicts_equally(model, document):
    frame = mixed(1000, seed=4)[0]
    read = AdditiveClassifier.from_dict(document)
    assert np.array_equal(read.predict_proba(frame), model.predict_proba(frame))
    assert np.array_equal(read.contributions(frame), model.contributions(frame))
    assert np.array_equal(read.predict(frame), model.predict(frame))
    assert read.to_dict() == document


def test_models_of_arrays_and_of_text_classes_are_read_back():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = np.where(X[:, 0] > 0, "yes", "no")
    model = AdditiveClassifier(max_iter=10).fit(X, y)
    read = AdditiveClassifier.from_dict(json.loads(json.dumps(model.to_dict())))
    assert read.classes_.tolist() == ["no", "yes"]
    assert np.array_equal(read.predict(X), model.predict(X))


def test_scoring_needs_no_scikit_learn(model, document, tmp_path):
    frame = mixed(200, seed=5)[0]
    frame.write_parquet(tmp_path / "frame.parquet")
    (tmp_path / "model.json").write_text(json.dumps(document))
    program = (
        "import sys, json, polars as pl\n"
        "sys.modules['sklearn'] = sys.modules['scipy'] = None\n"
        "from scoring.estimators.artefact import from_dict\n"
        "model = from_dict(json.load(open('model.json')))\n"
        "print(json.dumps(model.predict_proba(pl.read_parquet('frame.parquet'))[:, 1].tolist()))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == model.predict_proba(frame)[:, 1].tolist()


def _set(path, value):
    def change(document):
        *way, last = path
        for step in way:
            document = document[step]
        document[last] = value

    return change


def _feature(kind, key, value):
    def change(document):
        feature = next(f for f in document["features"] if f["kind"] == kind)
        feature[key] = value(feature[key]) if callable(value) else value

    return change


HOSTILE = {
    "another version": _set(["schema_version"], 2),
    "version true": _set(["schema_version"], True),
    "another schema": _set(["schema"], "pickle"),
    "an unknown key": _set(["__reduce__"], "os.system"),
    "infinite intercept": _set(["intercept"], float("inf")),
    "nan intercept": _set(["intercept"], float("nan")),
    "text intercept": _set(["intercept"], "0"),
    "boolean intercept": _set(["intercept"], True),
    "an integer beyond doubles": _set(["intercept"], 10**400),
    "enormous intercept": _set(["intercept"], 1e9),
    "three classes": _set(["classes"], [0, 1, 2]),
    "equal classes": _set(["classes"], [1, 1]),
    "classes of lists": _set(["classes"], [[0], [1]]),
    "a name twice": lambda d: d["names"].__setitem__(0, d["names"][1]),
    "features as a dictionary": _set(["features"], {}),
    "a feature left out": lambda d: d["features"].pop(),
    "a feature twice": lambda d: d["features"].append(d["features"][0]),
    "an unknown kind": _set(["features", 0, "kind"], "exec"),
    "kind as a list": _set(["features", 0, "kind"], []),
    "a position outside": _set(["features", 0, "position"], -1),
    "a boolean position": _set(["features", 0, "position"], False),
    "edges that fall": _feature("number", "edges", lambda e: e[::-1]),
    "an edge twice": _feature("number", "edges", lambda e: [e[0], *e[:-1]]),
    "an infinite edge": _feature("number", "edges", lambda e: [*e[:-1], float("inf")]),
    "a step too few": _feature("number", "steps", lambda s: s[1:]),
    "knots that fall": _feature("number", "knots", lambda k: k[::-1]),
    "a single knot": lambda d: [_feature("number", "knots", [0.0])(d), _feature("number", "pieces", [])(d)],
    "a piece of three": _feature("number", "pieces", lambda p: [p[0][:3], *p[1:]]),
    "a piece of text": _feature("number", "pieces", lambda p: [["0"] * 4, *p[1:]]),
    "low above high": _feature("number", "low", 1e12),
    "levels out of order": _feature("category", "levels", lambda v: v[::-1]),
    "levels of numbers": _feature("category", "levels", lambda v: list(range(len(v)))),
    "a level of broken Unicode": _feature("category", "levels", lambda v: [*v[:-1], "\ud800"]),
    "a value too many": _feature("category", "values", lambda v: [*v, 0.0]),
    "a nan value": _feature("category", "values", lambda v: [float("nan"), *v[1:]]),
    "enormous text": _set(["names", 0], "x" * 1_000_000),
    "no document": lambda d: d.clear(),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_documents_are_refused(change, document):
    hostile = copy.deepcopy(document)
    change(hostile)
    with pytest.raises(ValueError):
        AdditiveClassifier.from_dict(hostile)


@pytest.mark.parametrize("value", [None, [], "{}", 3, pl.DataFrame()])
def test_what_is_no_dictionary_is_refused(value):
    with pytest.raises(ValueError, match="expected a dictionary"):
        AdditiveClassifier.from_dict(value)
