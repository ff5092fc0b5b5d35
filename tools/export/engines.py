#!/usr/bin/env python3
"""Compiles the networks of model sets for an NVIDIA card that need not be in this machine.

    python engines.py --compute-capability 7.5                # an RTX 2060: lznet, and the pair where it is
    python engines.py my-set.toml --pictures photographs --out engines

Each network becomes FP16 (half.py), is checked against itself in FP32 on real pictures (engine_check.py) and
compiled by TensorRT for RTX. One that fails its check is not compiled. Beside every NAME.plan lies a
NAME.json that says what it is. README.md beside this file describes both.
"""

import argparse
import dataclasses
import hashlib
import json
import pathlib
import sys
import time
import tomllib

from half import Refused, exit_code, halve, input_shape, is_half, load, one_line, open_batch

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Pictures in one call, at most, by the manifest's table.
MOST = {"joint": 4, "detector": 4, "depth": 2}
PAIR = ("yolo12n-dav2s.toml", "yolo12n-dav2s-random.toml")  # with weights, if they are there
PAIR_FOLDERS = (ROOT / "models", ROOT / ".cache/models/dynamic", ROOT / ".cache/models")
NO_PAIR = (f"only lznet is compiled: no {PAIR[0]} with its networks is here (tools/export/README.md; "
           "`make bench-setup` makes one with random weights)")
VIDEO = ROOT / ".cache/vtest.avi"


@dataclasses.dataclass
class Network:
    """A table of a manifest: what is compiled, and how its answers are read."""
    file: pathlib.Path
    sha256: str | None  # as stated
    reference: pathlib.Path | None  # the same in FP32, where the file is FP16 or 8 bits already
    most: int
    contract: str       # "joint", or a detector's or depth network's
    size: tuple
    mean: list
    std: list
    nms_iou: float
    int8: bool = False  # as stated: other limits
    maps: dict = dataclasses.field(default_factory=dict)  # output -> "depth" or "sigma"; known with the file

    @property
    def finds(self):
        return self.contract in ("joint", "ultralytics")

    def maps_among(self, outputs):
        if self.contract == "joint":
            known = {"depth": "depth", "depth_sigma": "sigma"}
            return {name: part for name, part in known.items() if name in outputs}
        return {} if self.finds else {outputs[0]: "depth"}


def read_set(manifest):
    """The networks of a set. What Lazarillo itself refuses in a manifest is not looked for here."""
    try:
        tables = tomllib.loads(manifest.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"'{manifest}' is no manifest: {one_line(error)}") from None
    networks = []
    for kind, most in MOST.items():
        if kind not in tables:
            continue
        table = tables[kind]
        try:
            networks.append((read_card if "card" in table else read_table)(manifest, table, kind, most))
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise Refused(f"'{manifest}', [{kind}]: {one_line(error)} is missing or wrong") from None
    if not networks:
        raise Refused(f"'{manifest}' has neither [joint] nor [detector]")
    return networks


def read_card(manifest, table, kind, most):
    card_file = manifest.parent / table["card"]
    card = json.loads(card_file.read_text())
    file = manifest.parent / table.get("file", card.get("file", card_file.with_suffix(".onnx").name))
    height, width = card["input"]["shape"][2:]
    overlap = table.get("nms_iou", card.get("suggested", {}).get("nms_iou", 0.5))
    stated = table.get("sha256", card.get("sha256", {}).get(file.name))
    return Network(file, stated, reference(manifest, table), most, kind, (width, height), [0, 0, 0],
                   [1, 1, 1], overlap, table.get("precision") == "int8")


def read_table(manifest, table, kind, most):
    given = table["input"]
    contract = table["contract"] if kind != "joint" else kind
    if contract not in ("joint", "ultralytics", "relative_inverse", "metric"):
        raise Refused(f"'{manifest}', [{kind}]: what contract '{contract}' gives cannot be checked here")
    return Network(manifest.parent / table["file"], table.get("sha256"), reference(manifest, table), most,
                   contract, (given["width"], given["height"]), given.get("mean", [0, 0, 0]),
                   given.get("std", [1, 1, 1]), table.get("nms_iou", 0.5), table.get("precision") == "int8")


def reference(manifest, table):
    return manifest.parent / table["reference"] if "reference" in table else None


def find_pair(folders):
    """The manifest of the pair in the first folder that has its networks, too; or none."""
    for folder in folders:
        for name in PAIR:
            if (folder / name).exists() and all(n.file.exists() for n in read_set(folder / name)):
                return folder / name
    return None


def sha256_of(data):
    return hashlib.sha256(data).hexdigest()


class Compiler:
    """TensorRT for RTX, for one generation of cards."""

    def __init__(self, capability):
        import tensorrt_rtx_bindings as tensorrt
        self.trt, self.capability = tensorrt, capability
        self.library = f"TensorRT for RTX {tensorrt.__version__}"
        known = {name: value for name, value in tensorrt.ComputeCapability.__members__.items()
                 if name.startswith("SM")}
        wanted = "SM" + capability.replace(".", "")
        if wanted not in known:
            raise Refused(f"{self.library} compiles for compute capabilities "
                          f"{', '.join(f'{name[2:-1]}.{name[-1]}' for name in known)}, not {capability}")
        self.card = known[wanted]

        class Complaints(tensorrt.ILogger):
            def __init__(self):
                tensorrt.ILogger.__init__(self)
                self.last = "it does not say why"

            def log(self, severity, message):
                if severity <= tensorrt.ILogger.ERROR:
                    self.last = message

        self.complaints = Complaints()

    def compile(self, half, most):
        """The plan's bytes, and the sizes it is made for."""
        trt = self.trt
        builder = trt.Builder(self.complaints)
        network = builder.create_network(0)  # strongly typed: as the graph says
        parser = trt.OnnxParser(network, self.complaints)
        if not parser.parse(half.SerializeToString()):
            why = parser.get_error(0).desc() if parser.num_errors else self.complaints.last
            raise Refused(f"{self.library} cannot read it: {one_line(why)}")
        config = builder.create_builder_config()
        # Left alone it compiles for every generation but Turing's.
        config.num_compute_capabilities = 1
        config.set_compute_capability(self.card, 0)
        value = network.get_input(0)
        picture = list(value.shape)[1:]
        least = 1 if value.shape[0] < 0 else most
        sizes = {"min": [least, *picture], "opt": [most, *picture], "max": [most, *picture]}
        if value.shape[0] < 0:
            profile = builder.create_optimization_profile()
            profile.set_shape(value.name, *sizes.values())
            config.add_optimization_profile(profile)
        plan = builder.build_serialized_network(network, config)
        if plan is None:
            raise Refused(f"{self.library} cannot compile it: {one_line(self.complaints.last)}")
        return bytes(plan), {value.name: sizes}


def prepare(network):
    """The network as it was brought, with an open batch where that goes."""
    if network.file.suffix != ".onnx":
        raise Refused("it is no ONNX file")
    if not network.file.exists():
        raise Refused("it is not there")
    data = network.file.read_bytes()
    if network.sha256 and sha256_of(data) != network.sha256.lower():
        raise Refused("its SHA-256 is not the one its manifest states")
    model = load(network.file)
    shape = input_shape(model)
    if shape[0] == 0:
        return model, network.most, sha256_of(data)
    opened = open_batch(model) if shape[0] == 1 else None
    return (opened, network.most, sha256_of(data)) if opened else (model, shape[0], sha256_of(data))


def make(network, compiler, pictures, args):
    """Checks and compiles one network; a line of what came out."""
    import engine_check
    stem = f"{network.file.stem}-sm{compiler.capability.replace('.', '')}"
    plan_file, record_file = (args.out / f"{stem}.{ending}" for ending in ("plan", "json"))
    for file in record_file, plan_file:  # whatever comes of this, an older one would be taken for it
        file.unlink(missing_ok=True)
    model, most, digest = prepare(network)
    width, height = network.size
    if input_shape(model)[1:] != [3, height, width]:
        raise Refused(f"its input is {input_shape(model)}, its manifest says 3x{height}x{width}")
    network.maps = network.maps_among([value.name for value in model.graph.output])
    if network.reference:
        half, model = model, load(network.reference)
    elif is_half(model):
        raise Refused("it is FP16 already, and its manifest names no reference in FP32")
    else:
        half = halve(model, keep=args.keep)
    began = time.monotonic()
    numbers = engine_check.check(network, model, half, pictures)
    checked_s = time.monotonic() - began
    if numbers["problem"]:
        raise Refused(numbers["problem"])
    began = time.monotonic()
    plan, profiles = compiler.compile(half, most)
    built_s = time.monotonic() - began
    del numbers["problem"]
    record = {
        "network": network.file.name, "network_sha256": digest,
        "half_sha256": sha256_of(half.SerializeToString()),
        "card": f"compute capability {compiler.capability}", "library": compiler.library,
        "precision": "8 bits and FP16 as the file has it" if network.int8 else
                     "FP16 as the file has it" if network.reference else
                     "FP16; FP32 before the first and after the last product, input and output FP32",
        "kept_fp32": [] if network.reference else args.keep, "most_batch": most, "profiles": profiles,
        "file": plan_file.name, "sha256": sha256_of(plan), "bytes": len(plan), "build_s": round(built_s, 1),
        "check_before_compiling": {**numbers, "passed": True}}
    for file, content in (plan_file, plan), (record_file, (json.dumps(record, indent=1) + "\n").encode()):
        unfinished = file.with_name(file.name + ".part")
        unfinished.write_bytes(content)
        unfinished.replace(file)
    told = ", ".join(f"{name} {value:g}" for name, value in numbers.items())
    batch = f"1 to {most} pictures a call" if most > 1 else \
        "1 picture a call (exported so; --batch dynamic leaves it open)"
    return (f"{plan_file}: compiled in {built_s:.1f} s, {len(plan) / 1e6:.1f} MB, {batch}; "
            f"checked in {checked_s:.0f} s: {told}")


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", type=pathlib.Path, metavar="SET",
                        help="manifests of model sets; default: lznet, the same in 8 bits, and the pair where its "
                        "networks are")
    parser.add_argument("--models", type=pathlib.Path, help="the folder of the pair, with its manifest "
                        "(default: models, then .cache/models/dynamic, then .cache/models)")
    parser.add_argument("--compute-capability", default="7.5", metavar="X.Y",
                        help="the card's generation: 7.5 (default: RTX 20, GTX 16), 8.6 (RTX 30), 8.9 "
                        "(RTX 40), 12.0 (RTX 50)")
    parser.add_argument("--pictures", type=pathlib.Path, default=VIDEO,
                        help="a folder of photographs, a picture or a video to check with; default: the "
                        "street video of scripts/fetch_video.sh")
    parser.add_argument("--keep", action="append", default=[], metavar="PATTERN",
                        help="names of nodes that stay FP32 ('*/attn/Softmax'); may be repeated")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/engines"), help="folder")
    return parser.parse_args(arguments)


def chosen_sets(args):
    if args.sets:
        return args.sets
    folders = [args.models] if args.models else PAIR_FOLDERS
    pair = find_pair(folders)
    if pair is None:
        if args.models:
            raise Refused(f"'{args.models}' has neither {' nor '.join(PAIR)} with its networks")
        print(f"engines: {NO_PAIR}", file=sys.stderr)
    return [ROOT / "models/lznet.toml", ROOT / "models/lznet-int8-card.toml", *([pair] if pair else [])]


def compile_all(args):
    import numpy, onnx, onnxruntime, openvino, PIL  # noqa: E401, F401: told before anything is begun
    import engine_check
    compiler = Compiler(args.compute_capability)
    networks = [network for each in chosen_sets(args) for network in read_set(each)]
    pictures = engine_check.read_pictures(args.pictures)
    args.out.mkdir(parents=True, exist_ok=True)
    failed = False
    for network in networks:
        try:
            print(make(network, compiler, pictures, args), flush=True)
        except Refused as error:
            print(f"engines: '{network.file}' is refused: {error}", file=sys.stderr)
            failed = True
    return 1 if failed else 0


def main(arguments=None):
    return exit_code("engines", compile_all, parse(arguments))


if __name__ == "__main__":
    sys.exit(main())
