"""Change the picture size of an ONNX model: its network is made of convolutions and accepts any size.

An export is for a square, of which a wide picture leaves nearly half grey. The runtime takes only the size that the
file declares, and the library that edits such files is large. So the few bytes are changed in place. ONNX files are
protocol buffers (https://protobuf.dev/programming-guides/encoding); the field numbers are those of
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. The caller has to check that the model still gives valid output.
"""

from collections.abc import Callable, Iterator

_GRAPH = 7
"""Field of ModelProto."""
_INPUT = 11
"""Field of GraphProto."""
_OUTPUT = 12
"""Field of GraphProto."""
_INNER = 13
"""Field of GraphProto: shapes of values inside the graph."""
_NAME = 1
"""Field of ValueInfoProto."""
_TYPE = 2
"""Field of ValueInfoProto."""
_TENSOR = 1
"""Field of TypeProto."""
_SHAPE = 2
"""Field of TypeProto.Tensor."""
_DIMENSION = 1
"""Field of TensorShapeProto."""
_VALUE_KEY = b"\x08"
"""Key of the varint field 1 of a dimension."""
_HEIGHT = 2
"""Index of the dimension."""
_WIDTH = 3
"""Index of the dimension."""
_LENGTH_DELIMITED = 2
"""Wire type."""

Change = Callable[[bytes], bytes | None]


def resize_input(model: bytes, name: str, height: int, width: int) -> bytes:
    """Return `model` with `height` and `width` as the last two dimensions of its input `name`, and no other shape
    declared.

    Raise ValueError if `model` is no protocol buffer.
    """

    def resized(value: bytes) -> bytes:
        if (_NAME, name.encode()) not in [(number, content) for number, _, content in _fields(value)]:
            return value
        return _changed(value, _TYPE, lambda kind: _changed(kind, _TENSOR, lambda of: _changed(of, _SHAPE, _of_size)))

    def _of_size(shape: bytes) -> bytes:
        sizes = {_HEIGHT: height, _WIDTH: width}
        rewritten = [content for number, _, content in _fields(shape) if number == _DIMENSION and content is not None]
        return b"".join(
            _field(_DIMENSION, _VALUE_KEY + _varint(sizes[at]) if at in sizes else content)
            for at, content in enumerate(rewritten)
        )

    def unshaped(value: bytes) -> bytes:
        return _changed(
            value, _TYPE, lambda kind: _changed(kind, _TENSOR, lambda of: _changed(of, _SHAPE, lambda _: None))
        )

    def reshaped(graph: bytes) -> bytes:
        changes: dict[int, Change] = {_INPUT: resized, _OUTPUT: unshaped, _INNER: lambda _: None}
        return _changed_all(graph, changes)

    return _changed(model, _GRAPH, reshaped)


def _changed(message: bytes, number: int, change: Change) -> bytes:
    """Return `message` with the fields of this number changed."""
    return _changed_all(message, {number: change})


def _changed_all(message: bytes, changes: dict[int, Change]) -> bytes:
    """Return `message` with the fields of these numbers changed; a change to None removes the field."""
    pieces = []
    for number, whole, content in _fields(message):
        if content is None or number not in changes:
            pieces.append(whole)
        elif (changed := changes[number](content)) is not None:
            pieces.append(_field(number, changed))
    return b"".join(pieces)


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes | None]]:
    """Yield number, whole bytes, and content (for length-delimited fields, else None) of each field of `message`."""
    at = 0
    while at < len(message):
        start = at
        key, at = _read_varint(message, at)
        number, wire = key >> 3, key & 7
        content = None
        if wire == 0:
            _, at = _read_varint(message, at)
        elif wire == _LENGTH_DELIMITED:
            length, at = _read_varint(message, at)
            content = message[at : at + length]
            at += length
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise ValueError("it is no protocol buffer")
        if at > len(message):
            raise ValueError("it is a protocol buffer that was cut off")
        yield number, message[start:at], content


def _field(number: int, content: bytes) -> bytes:
    """Return a length-delimited field."""
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Return `value` as a varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the varint at `at` and the position behind it. Raise ValueError if it is cut off."""
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("it is a protocol buffer that was cut off")
