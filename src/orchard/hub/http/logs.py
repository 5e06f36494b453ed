"""Logs: on stderr, for people or as one JSON object a line; whatever a stranger sent is escaped."""

import json
import logging
import sys
import time
from typing import Final

LOGGER: Final = "orchard.hub"
_EXTRA: Final = "orchard"  # attribute of a record that holds what is not in its message

# Attribute of a record -> key of the line; whatever else a record has is for the logging library.
_LEVELS: Final = {"WARNING": "warn", "CRITICAL": "error"}


class _Json(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        line = {
            "time": _moment(record.created),
            "level": _LEVELS.get(record.levelname, record.levelname.lower()),
            "message": record.getMessage(),
            **getattr(record, _EXTRA, {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True, default=str)


class _Text(logging.Formatter):
    """``time level message key=value``, control characters escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        level = _LEVELS.get(record.levelname, record.levelname.lower())
        extra = "".join(f" {key}={_escaped(value)}" for key, value in getattr(record, _EXTRA, {}).items())
        line = f"{_moment(record.created)} {level} {_escaped(record.getMessage())}{extra}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def log_to_stderr(*, as_json: bool) -> None:
    """Let everything that the hub logs go to stderr, instead of wherever it went."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if as_json else _Text())
    for name in (LOGGER, "_granian"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
    logging.getLogger(LOGGER).setLevel(logging.INFO)


def noted(**values: object) -> dict[str, dict[str, object]]:
    """Give a record more than its message: ``log.info("request", extra=noted(status=200))``."""
    return {_EXTRA: values}


def _moment(seconds: float) -> str:
    whole = int(seconds)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{int((seconds - whole) * 1000):03d}Z"


def _escaped(value: object) -> str:
    text = str(value)
    return text if text.isprintable() else text.encode("unicode_escape").decode()
