"""The C-MOVE callbacks of Orthanc's Python plugin, in the best variant that it offers.

Registering one replaces Orthanc's own handler for the life of the process, so it is done only where the configuration asks
for it. How each variant tells a failure is measured in tests/orthanc/test_intercept_like_orthanc.py.
"""

from __future__ import annotations

from typing import Any, Protocol

from intercept.plugin.interceptor import Interceptor, Move, Refused
from intercept.plugin.request import MoveRequest
from orthanc_console.plugin.log import logger
from orthanc_console.plugin.warnings import Warnings

# Seconds that a C-MOVE waits for a plugin that is still starting.
PATIENCE = 3.0
# Since plugin 7.0, 4.2 and ever.
VARIANTS = ((3, "RegisterMoveCallback3"), (2, "RegisterMoveCallback2"), (1, "RegisterMoveCallback"))


class Ready(Protocol):
    def __call__(self, kind: type[Interceptor], seconds: float) -> Interceptor | None: ...


def best(orthanc: Any) -> int:
    """The number of the best variant that this Orthanc has; 0 for none."""
    return next((number for number, name in VARIANTS if hasattr(orthanc, name)), 0)


def register(orthanc: Any, variant: int, ready: Ready) -> None:
    """Take C-MOVE over.

    Args:
        orthanc: Orthanc's module.
        variant: from `best`.
        ready: the interceptor, once the plugin has started; None when it has not within the seconds.
    """

    def create(*positional: Any, **request: Any) -> Move:
        connection = positional[0] if positional else request.pop("Connection", None)
        return _begin(MoveRequest.from_orthanc(request, connection), ready)

    def whole(**request: Any) -> None:
        move = _begin(MoveRequest.from_orthanc(request), ready)
        try:
            for _number in range(move.size):
                move.apply()
        finally:
            move.free()

    if variant == 1:
        orthanc.RegisterMoveCallback(whole)
    else:
        register_all = getattr(orthanc, dict(VARIANTS)[variant])
        register_all(create, lambda move: move.size, lambda move: move.apply(), lambda m: m.free())


def keep(orthanc: Any, warnings: Warnings) -> None:
    """Refuse C-MOVE callbacks of the scripts that are loaded later, with a warning.

    Orthanc asks a single one. Python plugin 4.0 would end such a script with an error; later ones take the callback and never
    call it.
    """

    def refuse(*callbacks: Any) -> None:
        warnings.set(
            "own_move",
            'A script of "AlsoLoad" wants to answer C-MOVE, which the plugin does already ("InterceptMove"). Its C-MOVE '
            'callback was left out; all else of it works. Set "InterceptMove": false to use the script\'s instead.',
        )

    for _number, name in VARIANTS:
        if hasattr(orthanc, name):
            setattr(orthanc, name, refuse)


def _begin(request: MoveRequest, ready: Ready) -> Move:
    interceptor = ready(Interceptor, PATIENCE)
    if interceptor is None:
        raise Refused(
            "The plugin has not started: its state folder cannot be used. Its log says why."
        )
    try:
        return interceptor.begin(request)
    except Refused as refusal:
        logger.info("C-MOVE %s to %s is refused: %s", request.id, request.target_aet, refusal)
        raise
