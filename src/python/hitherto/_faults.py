"""What goes wrong while a set is read, as errors of the package.

Whoever reads files of a set does it within `package_errors`, and raises whatever fits: a ValueError
for what a file should not have, say. Arguments that make no sense are a UsageError from the start.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ._errors import DataError, Error, IOFailed, NotFound


@contextlib.contextmanager
def package_errors() -> Iterator[None]:
    """Raises what goes wrong with the files of a set as errors of the package.

    Raises:
        NotFound: for a file that is not there.
        IOFailed: for a file that the system cannot read.
        DataError: for a file with something else in it than it should have.
    """
    # Not above: the base package is without.
    import pyarrow as pa

    try:
        yield
    except (Error, MemoryError):
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(str(error)) from error
    except OSError as error:
        # Arrow has no other error for a damaged page; only those of the system have a number.
        kind = _damaged(error) if error.errno is None else IOFailed(str(error))
        raise kind from error
    except (pa.ArrowException, KeyError, UnicodeError) as error:
        raise _damaged(error) from error
    except ValueError as error:
        raise DataError(str(error)) from error


def _damaged(error: Exception) -> DataError:
    # The text of a KeyError is its key as Python writes it.
    what = error.args[0] if isinstance(error, KeyError) and error.args else error
    return DataError(
        f"a file of the set cannot be read: {what}; `hitherto verify` finds what is wrong"
    )
