"""What a worker's look finds: whether the head's GCS answers, and knows this machine's raylet.

That something listens there would say little: a kernel takes connections for a process that hangs,
and an address that was the head's may be another cluster's by then.
Source: NodeInfoGcsService.CheckAlive in ray/protobuf/gcs_service.proto of Ray 2.60.
"""

import psutil

from gridray.node.answer import Answer, Word
from gridray.raytoken import ambient_token

CHECK = "/ray.rpc.NodeInfoGcsService/CheckAlive"
# Field 1 of the request, and field 3 of the answer, with its values packed.
NODE_ID = 0x0A
ALIVE = 0x1A
RAYLET = "raylet"
NODE_ID_OPTIONS = ("--node_id=", "--node-id=")


class HeadLook:
    """Asks the head, again with each call."""

    def __init__(self, head: str, timeout: float) -> None:
        """Name the head's GCS as `host:port`, and the seconds that it has for an answer."""
        self._head = head
        self._timeout = timeout

    def __call__(self) -> Answer:
        node_ids = raylets()
        if not node_ids:
            return Answer(Word.IDLE, "no raylet runs on this machine")
        import grpc

        token = ambient_token()
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        # A channel of its own for each look: one that has failed waits longer and longer.
        with grpc.insecure_channel(self._head, [("grpc.enable_http_proxy", 0)]) as channel:
            try:
                reply = channel.unary_unary(CHECK)(
                    request(node_ids), timeout=self._timeout, metadata=metadata
                )
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                    return Answer(Word.NEEDED, f"{self._head} answers, with another Ray")
                why = " ".join(str(error.details()).split())
                return Answer(Word.IDLE, f"{self._head} does not answer as this cluster's: {why}")
        if is_known(reply):
            return Answer(Word.NEEDED, f"{self._head} answers")
        return Answer(Word.IDLE, f"{self._head} answers, but does not know this machine")


def raylets() -> list[bytes]:
    """Return the ids of the nodes that run here."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() == RAYLET:
                found += [_node_id(word) for word in process.cmdline()]
        except psutil.Error:
            continue
    return [node_id for node_id in found if node_id]


def _node_id(word: str) -> bytes:
    for option in NODE_ID_OPTIONS:
        if word.startswith(option):
            try:
                return bytes.fromhex(word.removeprefix(option))
            except ValueError:
                return b""
    return b""


def request(node_ids: list[bytes]) -> bytes:
    """Return a CheckAliveRequest."""
    return b"".join(bytes([NODE_ID, len(each)]) + each for each in node_ids)


def is_known(reply: bytes) -> bool:
    """Whether a CheckAliveReply calls one of the nodes alive; one that says nothing of them may."""
    said = _packed(reply, ALIVE)
    return said is None or any(said)


def _packed(message: bytes, tag: int) -> bytes | None:
    """Return the bytes of a field of a message whose fields are short; None: it has none."""
    at = 0
    while at + 1 < len(message):
        found, size = message[at], message[at + 1]
        if found & 0b111 != 2:
            at += 2
            continue
        if found == tag:
            return message[at + 2 : at + 2 + size]
        at += 2 + size
    return None
