"""``python -m hitherto`` is the binary."""

from __future__ import annotations

import os
import sys

from ._binary import binary
from ._errors import NotFound


def main() -> None:
    """Becomes the binary, with the arguments of this process."""
    try:
        path = os.fspath(binary())
    except NotFound as error:
        print(f"hitherto: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    os.execv(path, [path, *sys.argv[1:]])


if __name__ == "__main__":
    main()
