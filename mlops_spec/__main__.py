"""`spec`, and `python -m mlops_spec`."""

from __future__ import annotations

import sys

from mlops_spec.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
