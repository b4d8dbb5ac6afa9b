"""Requests that schemathesis makes up from the description of the API: no answer is 5xx, and each has a reason."""

from contextlib import suppress
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from tests.serve.running import TOKENS, Running

FEW = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
)
MANY = settings(FEW, max_examples=1000)


def check(server: Running, limits: settings, mode: Any) -> None:
    headers = {"authorization": f"Bearer {TOKENS['crm']}"}
    schema = schemathesis.openapi.from_dict(requests.get(f"{server.url}/openapi.json", timeout=30).json())
    asked: set[str] = set()

    def try_operation(operation: Any) -> None:
        @limits
        @given(case=operation.as_strategy(generation_mode=mode))
        def holds(case: Any) -> None:
            response = case.call(base_url=server.url, headers=headers)
            assert response.status_code < 500, response.text
            if response.status_code >= 400:
                assert set(response.json()) >= {"reason", "message"}
            asked.add(operation.path)

        holds()

    for found in schema.get_all_operations():
        # Where nothing can be said, as in GET /health, nothing can be said wrongly.
        with suppress(Unsatisfiable):
            try_operation(found.ok())
    assert len(asked) == 9 if mode == schemathesis.GenerationMode.POSITIVE else len(asked) >= 5
    assert requests.get(f"{server.url}/health", timeout=30).json() == {"status": "ok"}


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def test_no_request_breaks_the_server(guarded: Running, mode: Any) -> None:
    check(guarded, FEW, mode)


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def test_no_request_of_thousands_breaks_the_server(guarded: Running, mode: Any) -> None:
    check(guarded, MANY, mode)
