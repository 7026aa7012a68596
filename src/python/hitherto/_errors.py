"""The errors of the package, one class for each exit code of the binary."""

from __future__ import annotations

import re
import signal

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_STAGE = re.compile(r"\[ *\d+\.\d\d s\] ")
_GATE = re.compile(
    r"(?:^|; |published: )(?P<metric>[^;:]+?) is (?P<value>[^,;]+), --fail-if "
    r"'(?P<gate>[^']*?(?P<bound>[<>=!]=?[^<>=!']*))'"
)


class Error(RuntimeError):
    """A run of the binary failed, or could not be started.

    ``exit_code`` is that of the binary, ``message`` its text without the prefix ``hitherto:``, and
    ``hint`` the part of the message that says what to do, or ``None``. Hints name the flags of the
    command line: ``--on-bad-row quarantine`` is the keyword ``on_bad_row="quarantine"``.
    """

    exit_code: int = 1
    message: str
    hint: str | None

    def __init__(
        self, message: str, *, hint: str | None = None, exit_code: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if exit_code is not None:
            self.exit_code = exit_code


class UsageError(Error, ValueError):
    """Arguments that make no sense, or contradict each other."""

    exit_code = 2


class GateFailed(Error):
    """A gate (``fail_if``) failed, and nothing was published.

    Of the first gate that failed: ``metric`` is its name, ``value`` its value (``None`` if it is
    undefined), ``bound`` what was compared with, such as ``">0.5"``, and ``gate`` the whole as it
    was given. The message has every gate that failed.
    """

    exit_code = 3
    metric: str
    value: float | None
    bound: str
    gate: str

    def __init__(
        self, message: str, *, hint: str | None = None, exit_code: int | None = None
    ) -> None:
        super().__init__(message, hint=hint, exit_code=exit_code)
        found = _GATE.search(message)
        self.metric = found["metric"] if found else ""
        self.value = _number(found["value"]) if found else None
        self.bound = found["bound"].strip() if found else ""
        self.gate = found["gate"] if found else ""


class DataError(Error, ValueError):
    """Bad data, or a set without content; of ``verify``, a set that is not sound."""

    exit_code = 65


class NotFound(Error, FileNotFoundError):
    """No such input, set or row; of ``verify`` and ``explain``, inputs are gone or have changed."""

    exit_code = 66


class InternalError(Error):
    """A fault of the program, or too little memory."""

    exit_code = 70


class OutputExists(Error, FileExistsError):
    """The output exists or cannot be made."""

    exit_code = 73


class IOFailed(Error, OSError):
    """Reading or writing failed."""

    exit_code = 74


_BY_CODE: dict[int, type[Error]] = {
    kind.exit_code: kind
    for kind in (
        UsageError,
        GateFailed,
        DataError,
        NotFound,
        InternalError,
        OutputExists,
        IOFailed,
    )
}


def error_of(exit_code: int, stderr: str) -> Error:
    """The error for an exit code that is not 0 and what the binary wrote to standard error.

    A negative code is the number of the signal that ended the binary, as ``subprocess`` has it.
    """
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = "memory=… limits what a run takes" if name == "SIGKILL" else None
        text = f"hitherto was ended by {name}" + (f"; {hint}" if hint else "")
        return Error(text, hint=hint, exit_code=128 - exit_code)
    message, hint = _message(plain(stderr))
    kind = _BY_CODE.get(exit_code, Error)
    if exit_code == GateFailed.exit_code:
        hint = None
    return kind(message or f"hitherto ended with code {exit_code}", hint=hint, exit_code=exit_code)


def plain(text: str) -> str:
    """A text of a terminal without colours and carriage returns."""
    return _ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def _message(text: str) -> tuple[str, str | None]:
    """The message in what the binary wrote, and its hint."""
    before, mark, message = _split(text)
    if mark == "error: ":
        return _of_usage(message)
    # `verify` names each problem on a line of its own, before it sums them up.
    details = [line for line in before.splitlines() if line.strip() and not is_noise(line)]
    message = message.strip() if mark else ""
    _, found, last = message.rpartition("; ")
    is_hint = found and ("--" in last or "did you mean" in last or "duckdb -c" in last)
    return "\n".join([message, *details]).strip(), last if is_hint else None


def _split(text: str) -> tuple[str, str, str]:
    """What stands before the error, its mark (``""`` without any), and the error."""
    found = re.search(r"^(hitherto: |error: )", text, re.MULTILINE)
    if found is None:
        return text, "", ""
    return text[: found.start()], found[1], text[found.end() :]


def _of_usage(text: str) -> tuple[str, str | None]:
    """The message and the tip of an error in the flags."""
    text, _, _ = text.partition("\n\nUsage:")
    text, _, _ = text.partition("\n\nFor more information")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    tips = [line.removeprefix("tip: ") for line in lines if line.startswith("tip: ")]
    message = "; ".join([" ".join(line for line in lines if not line.startswith("tip: ")), *tips])
    return message, "; ".join(tips) or None


def is_noise(line: str) -> bool:
    """Whether a line of standard error is about progress."""
    return bool(_STAGE.match(line)) or line.startswith('{"progress"')


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
