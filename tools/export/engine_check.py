"""What FP16 costs a network: its answers to real pictures against those of the same network in FP32.

FP32 is computed by OpenVINO. FP16 is computed by ONNX Runtime on a graph in which every FP16 tensor is
rounded to FP16 explicitly: on a processor both compute an FP16 network in FP32 and round nothing on the
way (2048 + 1 - 2048 is 1 there, and 0 in FP16). Sums inside a product are FP32, as on a card's matrix units
with FP32 accumulators; what a card's own kernels add, only a run on the card can tell.
"""

import pathlib
import subprocess
import tempfile

from half import Refused, one_line

# How far FP16 may be from FP32. `lazarillo engine check` asks the same on the card (see/engine_check.h).
BOX_PX = 2.0           # an edge of a box, pixels of the input
SCORE = 0.03           # a score; where no box is sure, a part of the score
DEPTH_MEDIAN = 0.01    # a part of the distance; of relative depth, a part of the map's range
DEPTH_P99 = 0.05       # for 99 of 100 cells. Both hold for the stated doubt, too
# Of networks with 8-bit products. Their answers are others, not only less exact ones: that they are as good
# is measured on labelled pictures before a file is shipped. Asked is that the same is seen in the same places.
INT8_COMPARED = 0.5
INT8_LIMITS = {"overlap": 0.7,  # least intersection over union of a box with FP32's
               "score": 0.25, "depth_median": 0.03, "depth_p99": 0.25, "sigma_median": 0.03, "sigma_p99": 0.25}
# Where no box is sure, all are alike whatever the picture shows. Then the error must be smaller than what
# the picture changes.
NOISE = 1.0
COMPARED = 0.1         # boxes are compared that FP32 scores so high, after suppression
MOST_PICTURES = 8
SECONDS_BETWEEN = 10   # of a video

# These hand on values they are given, or choose among them: nothing is to be rounded. What is dequantised
# goes into a product as 8 bits.
HANDS_ON = {"Clip", "Concat", "Constant", "DequantizeLinear", "Expand", "Flatten", "Gather", "Identity", "Max", "MaxPool", "Min",
            "Pad", "Relu", "Reshape", "Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze", "Where"}


def rounded(model):
    """An FP16 network as an FP32 one that rounds every FP16 tensor to FP16."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    graph = model.graph
    values = [*graph.value_info, *graph.input, *graph.output]
    half = {value.name for value in values if value.type.tensor_type.elem_type == HALF}
    known = {value.name for value in values}
    nodes = []

    def widened(tensor):
        return numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name)

    def add_rounding(source, name):
        nodes.append(helper.make_node("Cast", [source], [f"{name}_16"], to=HALF))
        nodes.append(helper.make_node("Cast", [f"{name}_16"], [name], to=FLOAT))

    for tensor in graph.initializer:
        if tensor.data_type == HALF:
            tensor.CopyFrom(widened(tensor))
    inputs = {value.name: f"{value.name}_rounded" for value in graph.input if value.name in half}
    for name, new in inputs.items():
        add_rounding(name, new)
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = inputs.get(name, name)
        for attribute in node.attribute:
            if attribute.type == attribute.TENSOR and attribute.t.data_type == HALF:
                attribute.t.CopyFrom(widened(attribute.t))
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == HALF:
                attribute.i = FLOAT
        after = []
        for i, name in enumerate(node.output):
            if name and name not in known:
                raise Refused(f"the type of '{name}' does not follow: it cannot be checked")
            if name in half and node.op_type not in HANDS_ON:
                node.output[i] = f"{name}_exact"
                after.append((node.output[i], name))
        nodes.append(node)
        for source, name in after:
            add_rounding(source, name)
    for value in [*graph.input, *graph.output]:
        if value.name in half:
            value.type.tensor_type.elem_type = FLOAT
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    return model


def in_fp16(model):
    """A function from an input to the answers by name."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.disable_quant_qdq", "1")  # as it is written, no other kernels
    session = onnxruntime.InferenceSession(rounded(model).SerializeToString(), options,
                                           providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda picture: dict(zip(names, session.run(None, {session.get_inputs()[0].name: picture})))


def in_fp32(model):
    """Likewise, of the FP32 network."""
    import openvino
    core = openvino.Core()
    network = core.compile_model(core.read_model(model.SerializeToString()), "CPU",
                                 {"INFERENCE_PRECISION_HINT": "f32"})
    names = [output.name for output in model.graph.output]
    return lambda picture: {name: value.copy() for name, value in zip(names, network(picture).values())}


def read_pictures(source):
    """Pictures, RGB: at most MOST_PICTURES, evenly out of a folder, or of a video one every ten seconds."""
    from PIL import Image, UnidentifiedImageError
    source = pathlib.Path(source)

    def opened(file):
        with Image.open(file) as picture:
            return picture.convert("RGB")

    if not source.exists():
        raise Refused(f"there are no pictures to check with: '{source}' is not there")
    with tempfile.TemporaryDirectory() as folder:
        files = [source]
        if source.is_dir():
            files = sorted(f for f in source.iterdir() if f.suffix.lower() in (".jpg", ".jpeg", ".png"))
        elif source.suffix.lower() not in (".jpg", ".jpeg", ".png"):
            files = frames(source, pathlib.Path(folder))
        step = max(1, len(files) // MOST_PICTURES)
        try:
            found = [opened(file) for file in files[::step][:MOST_PICTURES]]
        except (UnidentifiedImageError, OSError) as error:
            raise Refused(f"a picture cannot be read: {one_line(error)}") from None
    if not found:
        raise Refused(f"there are no pictures in '{source}' to check with")
    return found


def frames(video, folder):
    try:
        subprocess.run(
            ["gst-launch-1.0", "-q", "filesrc", f"location={video}", "!", "decodebin", "!",
             "videoconvert", "!", "videorate", "drop-only=true", "!",
             f"video/x-raw,framerate=1/{SECONDS_BETWEEN}", "!",
             "identity", f"eos-after={MOST_PICTURES + 1}", "!", "pngenc", "!", "multifilesink",
             f"location={folder}/%03d.png"], check=True, capture_output=True, text=True, timeout=600)
    except FileNotFoundError:
        raise Refused("gst-launch-1.0 is missing: scripts/setup.sh") from None
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        raise Refused(f"'{video}' cannot be decoded") from None
    return sorted(folder.glob("*.png"))


def prepared(picture, network):
    """As input of a network: its longer side fitted, the rest grey."""
    import numpy as np
    from PIL import Image, ImageOps
    small = ImageOps.contain(picture, network.size, Image.Resampling.BOX)
    square = Image.new("RGB", network.size, (114, 114, 114))
    square.paste(small, tuple((outer - inner) // 2 for outer, inner in zip(network.size, small.size)))
    levels = (np.asarray(square, np.float32) / 255 - np.float32(network.mean)) / np.float32(network.std)
    return np.ascontiguousarray(levels.transpose(2, 0, 1)[None])


def boxes_and_scores(answers, contract):
    """N x 4: x1, y1, x2, y2, and N x C."""
    import numpy as np
    if contract == "joint":
        return answers["boxes"][0], answers["scores"][0]
    rows = next(iter(answers.values()))[0]
    rows = rows if rows.shape[0] > rows.shape[1] else rows.T
    centre, half_size = rows[:, :2], rows[:, 2:4] / 2
    return np.concatenate((centre - half_size, centre + half_size), 1), rows[:, 4:]


def best_boxes(boxes, scores, overlap, least=COMPARED):
    """Anchor and class of what remains after a suppression within each class, best first."""
    import numpy as np
    classes = scores.argmax(1)
    best = scores.max(1)
    area = (boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1)
    order = np.argsort(-best, kind="stable")
    order = order[best[order] >= least][:3000]
    kept = []
    while len(order):
        first, order = order[0], order[1:]
        kept.append(first)
        low, high = (np.maximum(boxes[order, :2], boxes[first, :2]),
                     np.minimum(boxes[order, 2:], boxes[first, 2:]))
        common = (high - low).clip(0).prod(1)
        same = classes[order] == classes[first]
        order = order[~(same & (common > overlap * (area[order] + area[first] - common)))]
    return kept, classes[kept]


def compare_boxes(got, wanted, network):
    """The numbers of a list of answers (boxes, scores) against those of FP32."""
    import numpy as np
    int8 = network is not None and network.int8
    least = INT8_COMPARED if int8 else COMPARED
    if max(scores.max() for _, scores in wanted) < least:
        if int8:
            raise Refused(f"8 bits cannot be checked: no box of these pictures is scored {least} or more")
        return compare_all_boxes(got, wanted)
    edges, scores, count, overlap = 0.0, 0.0, 0, 1.0
    for (some_boxes, some_scores), (boxes, sure) in zip(got, wanted):
        anchor, column = best_boxes(boxes, sure, network.nms_iou, least)
        if not anchor:
            continue
        edges = max(edges, np.abs(some_boxes - boxes)[anchor].max())
        scores = max(scores, np.abs(some_scores - sure)[anchor, column].max())
        overlap = min(overlap, overlaps(some_boxes[anchor], boxes[anchor]).min())
        count += len(anchor)
    return {"boxes": count, "box_px": edges, "overlap": overlap, "score": scores}


def overlaps(some, others):
    """Intersection over union, box by box."""
    import numpy as np
    low, high = np.maximum(some[:, :2], others[:, :2]), np.minimum(some[:, 2:], others[:, 2:])
    common = (high - low).clip(0).prod(1)
    area = [(boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1) for boxes in (some, others)]
    return common / np.maximum(area[0] + area[1] - common, 1e-9)


def compare_all_boxes(got, wanted):
    """Where no box is sure, as with random weights: every box counts, scores as parts of the score, and
    errors as parts of what changes from picture to picture (both as root mean squares)."""
    import numpy as np

    def part(got, wanted):
        return np.sqrt(((got - wanted) ** 2).mean() / ((wanted - wanted.mean(0)) ** 2).mean())

    got_boxes, got_scores = (np.stack(values).astype(np.float64) for values in zip(*got))
    boxes, scores = (np.stack(values).astype(np.float64) for values in zip(*wanted))
    least = np.finfo(np.float32).tiny
    return {"boxes": boxes.shape[0] * boxes.shape[1], "box_px": np.abs(got_boxes - boxes).max(),
            "score": (np.abs(got_scores - scores) / scores.clip(least)).max(),
            "noise": max(part(got_boxes, boxes),
                         part(np.log(got_scores.clip(least)), np.log(scores.clip(least))))}


def compare_maps(got, wanted, relative_to_range):
    """Median and 99th percentile over all cells. Where a relative map ends in 0 (nothing is near) in both,
    there is nothing to compare."""
    import numpy as np
    errors = []
    for some, whole in zip(got, wanted):
        seen = (whole != 0) | (some != 0)
        scale = np.ptp(whole) if relative_to_range else np.abs(whole[seen])
        errors.append((np.abs(some - whole)[seen] / np.maximum(scale, 1e-6)).ravel())
    errors = np.concatenate(errors) if errors else np.zeros(0)
    if not len(errors):
        raise Refused("its map is 0 everywhere: nothing can be compared")
    return np.median(errors), np.quantile(errors, 0.99)


def check(network, model, half, pictures):
    """What FP16 costs the network: numbers by name, and `problem`: why it must not be used, or none."""
    import numpy as np
    inputs = [prepared(picture, network) for picture in pictures]
    low, high = (((level - np.float32(network.mean)) / np.float32(network.std)).reshape(1, 3, 1, 1)
                 for level in (0, 1))
    reference, tried = in_fp32(model), in_fp16(half)
    wanted = [reference(picture) for picture in inputs]
    if network.finds and max(boxes_and_scores(a, network.contract)[1].max() for a in wanted) < COMPARED:
        # Such a network hardly tells one street from another: their negatives are beside them.
        inputs += [low + high - picture for picture in inputs]
        wanted += [reference(picture) for picture in inputs[len(wanted):]]
    got = [tried(picture) for picture in inputs]
    numbers = {"pictures": len(inputs)}
    for name, value in ((name, value) for answers in got for name, value in answers.items()):
        if not np.isfinite(value).all():
            return {**numbers, "problem": f"'{name}' is not finite in FP16"}
    if network.finds:
        numbers |= compare_boxes([boxes_and_scores(a, network.contract) for a in got],
                                 [boxes_and_scores(a, network.contract) for a in wanted], network)
    for output, part in network.maps.items():
        numbers[f"{part}_median"], numbers[f"{part}_p99"] = compare_maps(
            [a[output] for a in got], [a[output] for a in wanted], network.contract == "relative_inverse")
    numbers = {name: value if name in ("pictures", "boxes") else float(f"{value:.4g}")
               for name, value in numbers.items()}
    limits = INT8_LIMITS if network.int8 else {
        "box_px": BOX_PX, "score": SCORE, "noise": NOISE, "depth_median": DEPTH_MEDIAN,
        "depth_p99": DEPTH_P99, "sigma_median": DEPTH_MEDIAN, "sigma_p99": DEPTH_P99}
    over = [f"{name} {value:g} (limit {limits[name]:g})" for name, value in numbers.items()
            if name in limits and not (value >= limits[name] if name == "overlap" else value <= limits[name])]
    named = "8 bits are" if network.int8 else "FP16 is"
    return {**numbers, "problem": f"{named} too far from FP32: " + ", ".join(over) if over else None}
