"""Where the files lie that ship beside the code: templates, specs, pages of errors."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

_PACKAGE: Final = Path(__file__).resolve().parent.parent
# In a checkout they are top-level folders; a wheel carries them inside of the package.
_IN_CHECKOUT: Final = {"templates": "templates", "specs": "specs", "errors": "docs/errors"}


def data_dir(name: Literal["templates", "specs", "errors"]) -> Path:
    """The folder of that name, of an installed wheel or of the checkout that is imported."""
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / _IN_CHECKOUT[name]
