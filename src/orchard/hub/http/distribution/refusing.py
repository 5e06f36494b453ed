"""What a client is told that may not do what it asked for: to log in, to get a better token, or that it is in vain."""

from collections.abc import Sequence
from typing import Final, Protocol

from orchard.errors import DeniedError, InvalidReferenceError, UnauthenticatedError
from orchard.hub.access import ANONYMOUS, Kind
from orchard.hub.http.distribution.errors import error_reply
from orchard.hub.http.distribution.service import Call, Service
from orchard.hub.http.replies import Reply
from orchard.oci import check_repository, wire

CATALOG: Final = "registry:catalog:*"
INSUFFICIENT: Final = "insufficient_scope"


class Invitation(Protocol):
    """Says how a registry's client comes in."""

    def invite(self, origin: str, scopes: Sequence[str], error: str | None = None, /) -> str | None:
        """Give the challenge, if logging in is possible."""
        ...


def scopes_of(call: Call) -> list[str]:
    """Tell what a token must be for to do what is asked (distribution's token specification)."""
    if not call.name:
        return [CATALOG] if call.path.startswith("/v2/_catalog") else []
    if not _is_name(call.name):
        return []
    source = call.parameter("from") if call.parameter("mount") is not None else None
    mounted = [f"repository:{source}:pull"] if source is not None and _is_name(source) else []
    return [f"repository:{call.name}:{_actions(call)}", *mounted]


def require_login(door: Invitation, call: Call) -> None:
    """Refuse whoever shows nothing where knowing who asks is the point of asking.

    ``docker`` and its like call ``/v2/`` first, and after a 200 they never show anything, not even where they must.

    Raises:
        UnauthenticatedError: If that is so.
    """
    if call.who == ANONYMOUS and door.invite(call.origin, ()) is not None:
        raise UnauthenticatedError("log in, or ask for a token without an account")


async def refuse(door: Invitation, service: Service, call: Call, *, error: DeniedError) -> Reply:
    """Answer whoever may not.

    Whoever has no account is asked to log in, be the thing there or not. A ticket that is for too little is told so if
    another one would help. An account that may not is denied.
    """
    who = call.who
    if who.kind is Kind.ANONYMOUS:
        hint = INSUFFICIENT if who.ticket is not None else None
        challenge = door.invite(call.origin, scopes_of(call), hint)
        if challenge is not None:
            return error_reply(UnauthenticatedError(f"login required: {error}"), wire.UNAUTHORIZED, challenge)
    elif who.ticket is not None and (not call.name or await service.would_help(call, _actions(call).split(","))):
        challenge = door.invite(call.origin, scopes_of(call), INSUFFICIENT)
        return error_reply(UnauthenticatedError(f"the token is not for this: {error}"), wire.UNAUTHORIZED, challenge)
    return error_reply(error, wire.DENIED)


def _actions(call: Call) -> str:
    if call.method in {"GET", "HEAD"} and not call.uploads:
        return "pull"
    return "delete" if call.method == "DELETE" and not call.uploads else "pull,push"


def _is_name(text: str) -> bool:
    try:
        check_repository(text)
    except InvalidReferenceError:
        return False
    return True
