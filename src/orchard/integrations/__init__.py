"""Other people's frameworks, given a way to our versions. Each is imported only by those who use it.

``ModelKitFileSystem`` gives fsspec, and with it pandas, polars, DuckDB, Dask and PyArrow, the files of versions.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchard.integrations.addresses import split_address
    from orchard.integrations.filesystem import ModelKitFileSystem

__all__ = ["ModelKitFileSystem", "split_address"]

_WHERE: Final = {"ModelKitFileSystem": "filesystem", "split_address": "addresses"}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _WHERE:
            raise AttributeError(name)
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
