"""A page of the API that needs nothing from elsewhere: no script, no font, no style of another host."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;"
    "background:#fff}code,pre{font:14px/1.4 ui-monospace,monospace;background:#f3f5f7}pre{padding:.75rem;"
    "overflow:auto}table{border-collapse:collapse;width:100%}td,th{border-top:1px solid #d5dadf;padding:.3rem .6rem;"
    "text-align:left;vertical-align:top}h2{margin-top:2.5rem}"
)
SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def html(document: dict[str, Any]) -> str:
    """Render an OpenAPI document."""
    info = document["info"]
    return "".join(
        [
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>',
            '<meta name="viewport" content="width=device-width">',
            f"<style>{_STYLE}</style></head><body><main><h1>{escape(info['title'])}</h1>",
            f"<p>{escape(info.get('description', ''))}</p>",
            '<p>For programs: <a href="openapi.json">openapi.json</a>.</p>',
            *_operations(document),
            "</main></body></html>",
        ]
    )


def _operations(document: dict[str, Any]) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation.get('summary', ''))}</p>"
            if operation.get("description"):
                yield f"<p>{escape(operation['description'])}</p>"
            if operation.get("parameters"):
                yield "<table><tr><th>Parameter</th><th>Values</th><th>Meaning</th></tr>"
                for one in operation["parameters"]:
                    cells = (one["name"], json.dumps(one.get("schema", {})), one.get("description", ""))
                    yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
                yield "</table>"
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                example = content.get("example")
                text = example if isinstance(example, str) else json.dumps(example, indent=2)
                yield f"<p>Body: <code>{escape(kind)}</code></p><pre>{escape(text)}</pre>"
            yield "<table><tr><th>Status</th><th>Meaning</th></tr>"
            for status, answer in operation["responses"].items():
                yield f"<tr><td>{escape(status)}</td><td>{escape(answer['description'])}</td></tr>"
            yield "</table>"
