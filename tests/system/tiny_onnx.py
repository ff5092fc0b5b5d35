"""Networks with known answers as ONNX files, written byte by byte (protocol buffers as onnx.proto lays
them out), so that the tests need no package for it."""

import struct


def varint(number):
    out = b""
    while True:
        part, number = number & 0x7F, number >> 7
        if not number:
            return out + bytes([part])
        out += bytes([part | 0x80])


def whole(field, number):
    return varint(field << 3) + varint(number & (1 << 64) - 1)


def inner(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def tensor(name, shape, values, kind="f"):
    head = b"".join(whole(1, n) for n in shape) + whole(2, {"f": 1, "q": 7}[kind])
    return head + inner(8, name) + inner(9, struct.pack(f"<{len(values)}{kind}", *values))


def described(name, shape):
    """A dimension of None is left open."""
    dims = b"".join(inner(1, inner(2, f"{name}{i}") if n is None else whole(1, n))
                    for i, n in enumerate(shape))
    return inner(1, name) + inner(2, inner(1, whole(1, 1) + inner(2, dims)))


def node(kind, inputs, output):
    return b"".join(inner(1, i) for i in inputs) + inner(2, output) + inner(4, kind)


def write(path, input_shape, outputs, metadata=None):
    """`outputs`: name -> (shape, values, gain); the output is values + gain * mean(input). One value
    stands for all."""
    graph = inner(1, node("ReduceMean", ["images"], "mean4")) + inner(1, node("Reshape", ["mean4", "one"], "mean"))
    graph += inner(5, tensor("one", [1], [1], "q"))
    described_outputs = b""
    for name, (shape, values, gain) in outputs.items():
        count = 1
        for n in shape:
            count *= n
        values = list(values) * count if len(values) == 1 else values
        assert len(values) == count, name
        graph += inner(5, tensor(f"{name}_values", shape, values)) + inner(5, tensor(f"{name}_gain", [1], [gain]))
        graph += inner(1, node("Mul", ["mean", f"{name}_gain"], f"{name}_part"))
        graph += inner(1, node("Add", [f"{name}_values", f"{name}_part"], name))
        described_outputs += inner(12, described(name, shape))
    graph += inner(2, "tiny") + inner(11, described("images", input_shape)) + described_outputs
    model = whole(1, 8) + inner(7, graph) + inner(8, inner(1, "") + whole(2, 13))
    for key, value in (metadata or {}).items():
        model += inner(14, inner(1, key) + inner(2, value))
    path.write_bytes(model)
    return path


ANCHORS = 100


def ultralytics(path, size=32, classes=2, score=0.8, unit=1.0, metadata=None, input_shape=None):
    """The same box at every anchor, 1x(4+C)x100, in pixels; `unit` 1/size: in parts of the input."""
    rows = [size / 2 * unit, size / 2 * unit, size / 4 * unit, size / 8 * unit]
    rows += [score if c == 0 else 0.01 for c in range(classes)]
    return write(path, input_shape or [1, 3, size, size],
                 {"output0": ([1, 4 + classes, ANCHORS], [v for v in rows for _ in range(ANCHORS)], 0)}, metadata)


def depth(path, size=28, value=2.0, gain=1.0, input_shape=None):
    return write(path, input_shape or [1, 3, size, size], {"depth": ([1, size, size], [value], gain)})
