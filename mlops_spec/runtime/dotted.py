"""What a dotted path names: an estimator, or a function of the user's.

The project's root is on the path of every process of ours (machine/environment.py), so that modules
beside mlops.yaml are found.
"""

from __future__ import annotations

import importlib
from typing import Any

from mlops_spec.diagnostics.suggest import did_you_mean
from mlops_spec.runtime.refusal import Refusal, gist


def named(path: str) -> Any:
    """The thing at `package.module.name`. `Refusal` MLS707 when it cannot be imported."""
    module_name, _, name = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise Refusal(
            "MLS707", f"cannot import {module_name!r}: {gist(error)}", _module_hint(path)
        ) from error
    # A module may do anything when it is imported, and end the process too.
    except (Exception, SystemExit) as error:
        raise Refusal(
            "MLS707",
            f"{module_name!r} fails when it is imported: {type(error).__name__}: {gist(error)}",
            f"python -c 'import {module_name}' shows where",
        ) from error
    found = getattr(module, name, None)
    if found is None:
        known = [other for other in dir(module) if not other.startswith("_")]
        raise Refusal("MLS707", f"{module_name} has no {name!r}", did_you_mean(name, known))
    return found


def _module_hint(path: str) -> str:
    if not path.startswith("sklearn."):
        return f"install the package that has {path.partition('.')[0]!r} where the flows run"
    import sklearn

    return did_you_mean(path.split(".")[1], sklearn.__all__)
