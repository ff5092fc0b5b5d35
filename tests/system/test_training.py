"""training/: the network is the one whose weights it takes, and a run trains, goes on and is exported."""

import json
import subprocess

import pytest
from conftest import ROOT

ENVIRONMENTS = [ROOT / name / "bin" / "python" for name in (".venv-training", ".venv-bench")]
TRAINING = ROOT / "training"


def call(python, *arguments, limit=600):
    done = subprocess.run([str(python), *map(str, arguments)], capture_output=True, text=True,
                          timeout=limit, cwd=TRAINING)
    assert done.returncode == 0, done.stderr
    return done.stdout


def python_with(*packages):
    """The first of the environments that has them all."""
    question = f"import sys\nfrom importlib.util import find_spec\n" \
               f"sys.exit(not all(find_spec(name) for name in {packages}))"
    for python in ENVIRONMENTS:
        if python.exists() and subprocess.run([str(python), "-c", question]).returncode == 0:
            return python
    pytest.skip(f"no environment here has {', '.join(packages)}: make training-setup")


@pytest.fixture(scope="module")
def data(shared):
    if not (shared / "data" / "detect.jsonl").exists():
        pytest.skip(f"{shared / 'data'} is not here")
    return shared / "data"


@pytest.fixture(scope="module")
def initial(shared):
    prefix = shared / "models" / "init" / "nanodet-plus-m_416"
    if not prefix.with_suffix(".param").exists():
        pytest.skip("the initial weights are not here")
    return prefix


PARITY = """
import sys, numpy as np, ncnn, torch
from lznet import pack
from lznet.ncnn import load_initial
from lznet.network import LzNet
prefix, data = sys.argv[1:]
net = load_initial(LzNet(80, depth=False), prefix + ".param", prefix + ".bin").eval()
other = ncnn.Net()
for option in "fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage", "winograd_convolution":
    setattr(other.opt, "use_" + option, False)
other.load_param(prefix + ".param")
other.load_model(prefix + ".bin")
rows = pack.read_rows(data, "detect", "val", 3)
files = pack.read_files(data, {row["file"] for row in rows})
for row in rows:
    picture = pack.canvas(files[row["file"]])
    mat = ncnn.Mat.from_pixels(np.ascontiguousarray(picture[..., ::-1]),
                               ncnn.Mat.PixelType.PIXEL_BGR, 416, 416)
    mat.substract_mean_normalize([103.53, 116.28, 123.675], [.017429, .017507, .017125])
    extractor = other.create_extractor()
    extractor.input("data", mat)
    wanted = np.array(extractor.extract("output")[1])
    with torch.no_grad():
        logits, distances = net(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255)
    print(np.abs(logits[0].sigmoid().numpy() - wanted[:, :80]).max(),
          np.abs(distances[0].flatten(1).numpy() - wanted[:, 80:]).max(), wanted[:, :80].max())
"""


def test_the_initial_network_is_what_ncnn_runs(initial, data):
    out = call(python_with("torch", "PIL", "ncnn"), "-c", PARITY, initial, data)
    rows = [[float(v) for v in line.split()] for line in out.splitlines()]
    assert len(rows) == 3
    for score, distance, best in rows:
        assert score < 1e-5 and distance < 1e-3
    assert max(best for _, _, best in rows) > 0.5, "a network that sees nothing would prove nothing"


@pytest.fixture(scope="module")
def trained(initial, data, tmp_path_factory):
    """The folder of a run of four steps, cut off after two, and what its second call said."""
    python = python_with("torch", "PIL")
    folder = tmp_path_factory.mktemp("training") / "run"
    command = ["train.py", "configs/v1.toml", "--data", data, "--initial", initial, "--run", folder,
               "--device", "cpu", "--limit", 12, "--detection", 3, "--depth", 2]
    call(python, *command, "--steps", 2)
    return folder, call(python, *command, "--steps", 4)


def test_a_run_trains_and_goes_on(trained):
    folder, said = trained
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert "goes on at step 2" in said
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert all(isinstance(v, float | int) and v == v for line in lines for v in line.values())


def test_what_was_trained_is_exported(trained, tmp_path):
    folder, _ = trained
    out = call(python_with("torch", "onnx", "openvino"), "export.py", folder / "average.pt",
               tmp_path / "lznet.onnx")
    assert "1.416 M parameters" in out


PLANE = """
import torch
from lznet import augment, pack
torch.manual_seed(1)
steps = (torch.arange(208) + 0.5) * 2 - 208
y, x = torch.meshgrid(steps, steps, indexing="ij")
depth = 3 / (0.3 * x / 380 + 0.5 * y / 380 + 1)
photos = pack.DepthPhotographs(torch.zeros(1, 3, 416, 416, dtype=torch.uint8), depth[None],
                               torch.tensor([380.0]))
_, turned = augment.depth_batch(photos, 12, 104, torch.float32)
steps = torch.arange(104) - 51.5
y, x = torch.meshgrid(steps, steps, indexing="ij")
for one in turned[:, 0]:
    seen = one > 0
    terms = torch.stack((x[seen], y[seen], torch.ones(int(seen.sum()))), 1)
    plane = torch.linalg.lstsq(terms, 1 / one[seen][:, None]).solution
    print(float(seen.float().mean()), float(((terms @ plane)[:, 0] * one[seen] - 1).abs().max()),
          *plane[:2, 0].tolist())
"""


def test_a_plane_stays_one_when_the_camera_turns():
    """The inverse depth of a plane is linear in the picture's coordinates, for every pinhole camera."""
    rows = [[float(v) for v in line.split()] for line in
            call(python_with("torch", "PIL"), "-c", PLANE).splitlines()]
    assert len(rows) == 12
    assert max(error for _, error, *_ in rows) < 0.01, "more than the nearest cell explains"
    assert min(seen for seen, *_ in rows) > 0.3
    slopes = [tuple(slope) for _, _, *slope in rows]
    assert max(x for x, _ in slopes) - min(x for x, _ in slopes) > 3e-4, "it does not turn"


DOORS = """
import torch
from lznet import augment, pack
from lznet.network import DOOR
torch.manual_seed(3)
box = torch.tensor([120.0, 80, 250, 330])
pictures = torch.zeros(1, 3, 416, 416, dtype=torch.uint8)
pictures[..., 80:330, 120:250] = 255
photos = pack.Photographs(pictures, box[None, None], torch.tensor([[DOOR]]), torch.zeros(1, 1, dtype=bool),
                          torch.ones(1, 81, dtype=bool), torch.tensor([[0.0, 0, 416, 416]]), torch.ones(1))
index = torch.zeros(12, dtype=torch.long)
for turn in 0.0, 1.0:
    pixels, boxes, labels, ignored = augment.place(photos, index, 0.6, 1.2, (0.0, 0.0, 416.0, 416.0), 416,
                                                   torch.float32, turn)
    for picture, found, skip in zip(pixels[:, 0] > 13.5, boxes[:, 0], ignored[:, 0]):
        rows, columns = picture.any(1).nonzero(), picture.any(0).nonzero()
        if not skip:
            seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            filled = picture.sum() / ((found[2] - found[0]) * (found[3] - found[1]))
            print(turn, max(abs(float(a) - float(b)) for a, b in zip(seen, found)), float(filled))
"""


def test_a_turned_door_keeps_its_box():
    rows = [[float(v) for v in line.split()] for line in
            call(python_with("torch", "PIL"), "-c", DOORS).splitlines()]
    upright, turned = ([row[1:] for row in rows if row[0] == turn] for turn in (0, 1))
    assert len(upright) >= 8 and len(turned) >= 8
    assert all(error < 1.5 for error, _ in upright + turned)
    assert min(filled for _, filled in upright) > 0.97, "an upright door fills its box"
    assert min(filled for _, filled in turned) < 0.9, "it does not turn"


DEPLOYED = """
import copy
import torch
from lznet.deploy import Deployed, fold_normalisation, unshuffle
from lznet.network import DOOR, LzNet, anchors, decode_boxes
torch.manual_seed(4)
net = LzNet().eval()
for tower in net.head.towers:
    torch.nn.init.normal_(tower[-1].weight, 0, 0.3)
copied = copy.deepcopy(net)
fold_normalisation(copied.depth)
deployed = Deployed(unshuffle(copied), 128).eval()
deployed.stretch[:DOOR], deployed.stretch[DOOR] = 2.5, 1.5
deployed.shift[:DOOR], deployed.shift[DOOR] = -0.4, -0.8
picture = torch.rand(1, 3, 128, 128)
with torch.no_grad():
    logits, distances, depth = net(picture)
    boxes, scores, metres, sigma = deployed(picture)
    wanted = (logits * 2.5 - 0.4).sigmoid()
    wanted[..., DOOR] = (logits[..., DOOR] * 1.5 - 0.8).sigmoid()
    print(float((scores - wanted).abs().max()), float(scores.std()),
          float((boxes - decode_boxes(distances, *anchors(size=128))).abs().max()),
          float((metres - depth[:, :1].exp()).abs().max()))
"""


def test_what_is_deployed_is_the_network():
    scores, spread, boxes, metres = map(
        float, call(python_with("torch", "PIL"), "-c", DEPLOYED).split())
    assert scores < 1e-5 and boxes < 1e-3 and metres < 1e-4
    assert spread > 0.05, "scores that are all alike would prove nothing"
