"""The command line. One module per group of commands; every module beside this file is loaded by itself."""

from warehouse.cli.app import app, main

__all__ = ["app", "main"]
