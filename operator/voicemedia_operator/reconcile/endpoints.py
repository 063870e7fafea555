"""Where clients reach a fleet."""

from __future__ import annotations

from voicemedia_operator.reconcile.observed import Resource
from voicemedia_operator.spec.status import Endpoints
from voicemedia_operator.spec.voice_media_server import Spec

WHIP_PATH = "/whip"
WHEP_PATH = "/whep"
WEBSOCKET_PATH = "/v2/ws"
SESSION_PATH = "/v2/session"


def endpoints(resource: Resource, spec: Spec) -> Endpoints:
    """By the ingress or HTTPRoute, else within the cluster. What these do not lead to is left
    out."""
    signaling = spec.signaling
    origin, socket_origin = _origins(resource, spec)
    return Endpoints(
        whip=f"{origin}{WHIP_PATH}" if signaling.whip.enabled else "",
        whep=f"{origin}{WHEP_PATH}" if signaling.whep.enabled else "",
        websocket_v2=f"{socket_origin}{WEBSOCKET_PATH}" if signaling.websocket_v2.enabled else "",
        session=f"{origin}{SESSION_PATH}",
    )


def _origins(resource: Resource, spec: Spec) -> tuple[str, str]:
    ingress, route = spec.signaling.ingress, spec.signaling.http_route
    if ingress is not None:
        secure = "s" if ingress.tls_secret_name else ""
        return f"http{secure}://{ingress.host}", f"ws{secure}://{ingress.host}"
    if route is not None:  # a Gateway ends TLS in front of its routes
        return f"https://{route.host}", f"wss://{route.host}"
    host = f"{resource.name}.{resource.namespace}.svc"
    return f"http://{host}", f"ws://{host}"
