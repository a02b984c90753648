"""What a client asks that cannot be done, for a reason that its user is to read."""

from __future__ import annotations

from lsprotocol.types import LSPErrorCodes
from pygls.exceptions import JsonRpcException


class Refusal(JsonRpcException):
    """Answers a request with a message for the user."""

    CODE = LSPErrorCodes.RequestFailed.value
