"""Edits the decoder in memory so that it outputs its cross-attention, from which word times are computed.

Apart from `model` because it depends on the file format. The decoder is one file with two branches. In the branch that
continues with a cache, the outputs `present.N.encoder.value` only repeat the caller's inputs. Each of these six names
is an offset to a string in the file, and is pointed at the name of the layer's attention instead. No weight of the
model changes, so the text stays the same. Reads the file with the flatbuffer schema that comes with onnxruntime; the
file's checksum is checked before (see `files`).
"""

import struct
from typing import Any

from shared.domain.errors import EngineUnavailable

LAYERS = 6
_CACHED_BRANCH = b"then_branch"
_GRAPH_OUTPUTS = 16
"""Vtable slot of `Graph.outputs` in onnxruntime's schema `ort.fbs`."""
_NODE_OUTPUTS = 22
"""Vtable slot of `Node.outputs`."""


def attention_name(layer: int) -> str:
    """Return the name that the attention of a layer has inside the model."""
    return f"/model/decoder/layers.{layer}/encoder_attn/Softmax_output_0"


def output_name(layer: int) -> str:
    """Return the output under which the edited model gives the attention of a layer."""
    return f"present.{layer}.encoder.value"


def expose_attention(model: bytes) -> bytearray:
    """Return the decoder's file with the six outputs pointed at the attention: (1, 8 heads, 1, frames) each."""
    edited = bytearray(model)
    branch = _cached_branch(edited)
    names = {attention_name(layer).encode(): layer for layer in range(LAYERS)}
    strings: dict[int, int] = {}
    for number in range(branch.NodesLength()):
        node = branch.Nodes(number)
        if node.OpType() == b"Softmax" and node.Outputs(0) in names:
            strings[names[node.Outputs(0)]] = _target(edited, _entry(node, _NODE_OUTPUTS, 0))
    outputs = {branch.Outputs(number): number for number in range(branch.OutputsLength())}
    for layer in range(LAYERS):
        if layer not in strings or output_name(layer).encode() not in outputs:
            raise EngineUnavailable("Moonshine's decoder lacks the outputs that word times are taken from.")
        at = _entry(branch, _GRAPH_OUTPUTS, outputs[output_name(layer).encode()])
        struct.pack_into("<I", edited, at, strings[layer] - at)
    return edited


def _cached_branch(model: bytearray) -> Any:
    import onnxruntime.tools.ort_format_model  # noqa: F401  (puts the schema's reader on the path)
    from ort_flatbuffers_py.fbs.InferenceSession import InferenceSession

    graph = InferenceSession.GetRootAsInferenceSession(model, 0).Model().Graph()
    nodes = (graph.Nodes(number) for number in range(graph.NodesLength()))
    attributes = (node.Attributes(number) for node in nodes for number in range(node.AttributesLength()))
    branch = next((attribute.G() for attribute in attributes if attribute.Name() == _CACHED_BRANCH), None)
    if branch is None:
        raise EngineUnavailable("Moonshine's decoder has no branch that continues with a cache.")
    return branch


def _entry(table: Any, slot: int, index: int) -> int:
    """Return where in the file entry `index` of a table's vector of strings stands."""
    return int(table._tab.Vector(table._tab.Offset(slot))) + 4 * index


def _target(model: bytearray, at: int) -> int:
    """Return where the string is that the offset at `at` points to; offsets count from where they stand."""
    return at + int(struct.unpack_from("<I", model, at)[0])
