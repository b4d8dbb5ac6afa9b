"""Maximum likelihood of a few positive parameters. What is likely is said by each model."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from scoring.evaluation.checks import Floats

WIDEST = 12.0
"""Parameters are looked for between e⁻¹² and e¹²; one that arrives there is not determined by the data."""


Loss = Callable[[Floats], tuple[float, Floats]]
"""Mean negative log-likelihood of positive parameters, and its gradient."""


def most_likely(loss: Loss, starts: Sequence[Sequence[float]], model: str) -> Floats:
    """Positive parameters with the lowest loss, from the best of several starts.

    Searches over their logarithms with L-BFGS-B. Warns where a parameter ran to the border.
    """
    bounds = [(-WIDEST, WIDEST)] * len(starts[0])

    def of_logs(logs: Floats) -> tuple[float, Floats]:
        parameters = np.exp(logs)
        value, gradient = loss(parameters)
        return value, gradient * parameters

    options = {"ftol": 1e-14, "gtol": 1e-8, "maxiter": 1000, "maxls": 50}
    searched = [
        minimize(of_logs, np.log(start), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        for start in starts
    ]
    best = min(searched, key=lambda result: float(result.fun))
    if np.abs(best.x).max() > WIDEST - 0.01:
        warnings.warn(
            f"{model}: a parameter ran to the border of its range; these customers do not determine it, and "
            "predictions far beyond what was seen should not be trusted",
            ConvergenceWarning,
            stacklevel=3,
        )
    return np.asarray(np.exp(best.x), dtype=np.float64)


class Parametric:
    """An estimator whose fitted state is a few positive numbers, so that plain JSON holds it."""

    PARAMETERS: ClassVar[tuple[str, ...]] = ()

    def to_dict(self) -> dict[str, Any]:
        """Name of the model, settings and fitted parameters, as numbers and texts alone."""
        fitted = {name: float(getattr(self, name)) for name in self.PARAMETERS if hasattr(self, name)}
        if len(fitted) < len(self.PARAMETERS):
            raise ValueError(f"{type(self).__name__} is not fitted: there are no parameters to keep")
        return {"model": type(self).__name__, "settings": self.get_params(), "parameters": fitted}  # type: ignore[attr-defined]

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Self:
        """The model that :meth:`to_dict` kept; ValueError for anything else, since what is loaded is not trusted."""
        if set(kept) != {"model", "settings", "parameters"} or kept["model"] != cls.__name__:
            raise ValueError(f"this is no {cls.__name__}: {sorted(map(str, kept))}, model {kept.get('model')!r}")
        settings, parameters = kept["settings"], kept["parameters"]
        known = cls().get_params()  # type: ignore[attr-defined]
        if not isinstance(settings, Mapping) or set(settings) != set(known):
            raise ValueError(f"the settings of a {cls.__name__} are {sorted(known)}")
        if any(type(settings[name]) not in (bool, int, float) for name in known):
            raise ValueError(f"the settings of a {cls.__name__} are numbers, or true and false")
        if not isinstance(parameters, Mapping) or set(parameters) != set(cls.PARAMETERS):
            raise ValueError(f"the parameters of a {cls.__name__} are {', '.join(cls.PARAMETERS)}")
        model = cls(**settings)
        for name, value in parameters.items():
            if type(value) not in (int, float) or not 0 < value < float("inf"):
                raise ValueError(f"parameter {name} of a {cls.__name__} must be a number above 0, not {value!r}")
            setattr(model, name, float(value))
        return model


def named_columns(table: Any, names: Sequence[str], model: str) -> Floats:
    """The named columns as floats, shape (n, len(names)); an array must have them in this order."""
    if hasattr(table, "columns"):
        absent = [name for name in names if name not in table.columns]
        if absent:
            raise ValueError(f"{model} needs the columns {', '.join(names)}; {', '.join(absent)} are not there")
        values = np.column_stack([np.asarray(table[name], dtype=np.float64) for name in names])
    else:
        values = np.asarray(table, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(names):
            raise ValueError(f"{model} needs the columns {', '.join(names)} in this order, not shape {values.shape}")
    if values.shape[0] == 0 or not np.isfinite(values).all():
        raise ValueError(f"{model} needs rows without missing values in {', '.join(names)}")
    return values


def of_shape(values: npt.ArrayLike | float, rows: int, name: str) -> Floats:
    """One number for all rows, or one per row, as shape (rows,)."""
    result = np.broadcast_to(np.asarray(values, dtype=np.float64), (rows,))
    if not np.isfinite(result).all() or (result < 0).any():
        raise ValueError(f"{name} must not be negative or missing")
    return result
