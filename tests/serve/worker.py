"""``dealhouse serve`` in a process of its own, without the other commands, so that it starts quickly."""

from warehouse.cli import serve
from warehouse.cli.app import app

assert serve.serve

if __name__ == "__main__":
    app()
