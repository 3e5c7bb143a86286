"""The example programs on every engine, against SciPy, NumPy, and facts that others published."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bench import classes, workloads
from bench.oracles import fleets as oracle
from scipy import ndimage

import lanework as lw
from lanework.core.result.picture import read_picture

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "fleet"
F = np.float32
# OEIS A006577, the first thirty terms from n = 1
A006577 = [
    0,
    1,
    7,
    2,
    5,
    8,
    16,
    3,
    19,
    6,
    14,
    9,
    9,
    17,
    17,
    4,
    12,
    20,
    20,
    7,
    7,
    15,
    15,
    10,
    23,
    10,
]
A006577 += [111, 18, 18, 18]


WORKLOADS = {
    "collatz": workloads.collatz(999),
    "mandelbrot": workloads.mandelbrot(40, 30, limit=64),
    "uniform": workloads.uniform(500, turns=20),
    "logistic": workloads.logistic(500, turns=40),
    "grayscale": workloads.grayscale(1001),
    "torus": workloads.life(32, 16, generations=6),
    "sum": workloads.total(3001),
    "sir": workloads.sir(3000, fortnights=1),
    "option": workloads.option(500, pairs=8),
    "boids": workloads.boids(12, steps=3),
    "children": workloads.children(30, 6),
}


@pytest.fixture(params=lw.fleet.Runner.ENGINES)
def engine(request):
    if request.param == "epoch":
        request.getfixturevalue("gpu")
    return request.param


def program(name, **constants):
    """An example, with other constants."""
    text = (FOLDER / f"{name}.lasm").read_text()
    for constant, value in constants.items():
        lines = [line for line in text.splitlines() if line.startswith(f".const {constant} ")]
        assert len(lines) == 1
        text = text.replace(lines[0], f".const {constant} {value}")
    subject = lw.fleet.assemble(text, f"{name}.lasm")
    subject.verify()
    return subject


def run(name, engine, constants=None, settings=None, **inputs):
    with program(name, **(constants or {})).bind(engine, **(settings or {})) as runner:
        result = runner(**inputs)
    assert result.stats["ended"]
    assert result.stats["reads_outside"] == result.stats["writes_outside"] == 0
    return result


def photograph():
    return read_picture((FOLDER / "photo.ppm").read_bytes())


def test_every_example_is_tested():
    tested = Path(__file__).read_text()
    for path in FOLDER.glob("*.lasm"):
        assert f'"{path.stem}"' in tested, path.name
        assert path.name in (FOLDER / "README.md").read_text()


def test_double(engine):
    result = run("double", engine, shared=np.arange(1000))
    assert result["shared"][:1000].tolist() == (2.0 * np.arange(1000)).tolist()
    assert not result["shared"][1000:].any()


@pytest.mark.parametrize(
    "settings",
    [{}, {"layout": "aos", "format": "dense"}, {"compose": True}, {"sort": True}],
    ids=str,
)
def test_picture(engine, settings):
    photo = photograph()
    if settings:  # a part of it will do
        photo = photo[40:72, 90:150]
    size = {"HEIGHT": photo.shape[0], "WIDTH": photo.shape[1]}
    result = run("image", engine, size, settings, image=photo)
    gray = photo.astype(np.float64) @ [0.299, 0.587, 0.114]
    assert np.abs(result["gray"].reshape(gray.shape) - gray).max() < 1e-4
    kernel = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
    blurred = ndimage.correlate(gray, kernel, mode="nearest")
    assert np.abs(result["blurred"].reshape(gray.shape) - blurred).max() < 1e-4
    across, down = (ndimage.sobel(blurred, axis, mode="nearest") for axis in (1, 0))
    assert np.abs(result["edges"].reshape(gray.shape) - np.hypot(across, down)).max() < 1e-3
    assert np.array_equal(result["edges"], edges_by_hand(photo).reshape(-1))


def edges_by_hand(photo):
    """The same in single precision, one operation after another, for equal bits."""
    red, green, blue = (photo[..., n].astype(F) for n in range(3))
    gray = red * F(0.299) + green * F(0.587) + blue * F(0.114)

    def shifted(of, down, right):
        rows = np.clip(np.arange(of.shape[0]) + down, 0, of.shape[0] - 1)
        columns = np.clip(np.arange(of.shape[1]) + right, 0, of.shape[1] - 1)
        return of[rows][:, columns]

    total = None
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            weight = F((2 - abs(down)) * (2 - abs(right)))
            term = shifted(gray, down, right) * weight
            total = term if total is None else total + term
    at = {(d, r): shifted(total * F(0.0625), d, r) for d in (-1, 0, 1) for r in (-1, 0, 1)}
    two = F(2)
    across = (at[-1, 1] + at[0, 1] * two + at[1, 1]) - (at[-1, -1] + at[0, -1] * two + at[1, -1])
    down = (at[1, -1] + at[1, 0] * two + at[1, 1]) - (at[-1, -1] + at[-1, 0] * two + at[-1, 1])
    return np.sqrt(across * across + down * down)


def test_picture_from_the_command_line(tmp_path):
    command = [sys.executable, "-m", "lanework", "run", FOLDER / "image.lasm"]
    command += [f"image={FOLDER / 'photo.ppm'}", "--outputs", "edges", "--engine", "reference"]
    subprocess.run([*command, "--out", tmp_path / "edges.npy"], check=True, capture_output=True)
    assert np.array_equal(np.load(tmp_path / "edges.npy"), edges_by_hand(photograph()).reshape(-1))


def test_grayscale_in_place(engine):
    pixels = np.arange(3000) * 7 % 256
    shared = run("grayscale_inplace", engine, shared=pixels)["shared"]
    red, green, blue = pixels.reshape(-1, 3).T.astype(F)
    expected = red * F(0.299) + green * F(0.587) + blue * F(0.114)
    assert np.array_equal(shared[:1000], expected)
    assert np.array_equal(shared[1000:], pixels[1000:])


@pytest.mark.parametrize(
    "count", [pytest.param(1_000_000, marks=pytest.mark.slow), 99_991, 1000, 5, 1]
)
def test_reduction(engine, count):
    numbers = np.arange(count) * 31 % 17
    result = run("reduce", engine, {"COUNT": count}, numbers=numbers)
    assert result["total"].tolist() == [math.fsum(numbers)]


def test_reduction_of_fractions_has_one_order(engine):
    numbers = np.random.default_rng(2).normal(size=20_000).astype(F)
    total = run("reduce", engine, {"COUNT": 20_000}, numbers=numbers)["total"]
    assert total[0] == oracle.tree(numbers, 1000)


@pytest.mark.parametrize("name", ["ring", "ring_wait"])
def test_rings(engine, name):
    result = run(name, engine)
    assert result["results"].tolist() == [2.0 * n * n for n in range(100)]
    alone = 100 * (18 + 16)  # if one had waited for the other to end
    assert result.stats["epochs"] < alone


def test_a_ring_without_a_consumer_is_a_deadlock(engine):
    text = (FOLDER / "ring.lasm").read_text().replace("    .launch consumer, 1\n", "")
    runner = lw.fleet.assemble(text, "ring.lasm").bind(engine, patience=20)
    with pytest.raises(lw.Trap) as caught:
        runner()
    assert caught.value.code.ident == "LW6026"
    assert runner.shared[10] == 9  # nine items are in the ring


@pytest.mark.slow
def test_boids(engine):
    rand = np.random.default_rng(3)
    start = np.concatenate([rand.uniform(0, 100, (64, 2)), rand.uniform(-1, 1, (64, 2))], 1)
    steps = 100 if engine == "reference" else 4
    result = run("boids", engine, {"STEPS": steps}, start=start)
    actual = result["flock"].reshape(64, 4)
    assert np.array_equal(actual, oracle.boids(start.astype(F), steps))
    if steps == 100:  # they have come to head the same way
        heading = actual[:, 2:] / np.linalg.norm(actual[:, 2:], axis=1)[:, None]
        before = start[:, 2:] / np.linalg.norm(start[:, 2:], axis=1)[:, None]
        assert np.linalg.norm(heading.mean(0)) > 2 * np.linalg.norm(before.mean(0))


def cells(*alive):
    board = np.zeros((32, 32))
    for row, column in alive:
        board[row, column] = 1
    return board


def test_life(engine):
    glider = cells((1, 2), (2, 3), (3, 1), (3, 2), (3, 3))
    after = run("life", engine, {"STEPS": 40}, cells=glider)["cells"].reshape(32, 32)
    assert np.array_equal(after, np.roll(glider, (10, 10), (0, 1)))  # one cell down in four steps
    blinker = cells((0, 31), (0, 0), (0, 1))
    assert np.array_equal(
        run("life", engine, {"STEPS": 3}, cells=blinker)["cells"].reshape(32, 32),
        cells((31, 0), (0, 0), (1, 0)),
    )
    if engine == "reference":  # an r-pentomino against a convolution
        board = cells((10, 11), (10, 12), (11, 10), (11, 11), (12, 11))
        for _ in range(100):
            around = ndimage.convolve(board, np.ones((3, 3)), mode="wrap") - board
            board = ((around == 3) | ((around == 2) & (board == 1))).astype(float)
        start = cells((10, 11), (10, 12), (11, 10), (11, 11), (12, 11))
        result = run("life", engine, cells=start)["cells"].reshape(32, 32)
        assert np.array_equal(result, board)


def test_collatz(engine):
    steps = run("collatz", engine, {"COUNT": 3000})["steps"]
    assert steps[:30].tolist() == A006577
    assert steps.argmax() + 1 == 2919  # the longest way below 3000, of 216 steps
    assert steps.max() == 216


def test_pi(engine):
    darts = 10_000 * 100
    hits = run("pi", engine, settings={"seed": 7})["hits"][0]
    assert hits == 785_579
    error = math.sqrt(math.pi * (4 - math.pi) / darts)
    assert abs(4 * hits / darts - math.pi) < 4 * error


def test_particles(engine):
    result = run("particles", engine)
    assert result["counted"].tolist() == [256.0]
    assert result.stats["vms"] == 601


def test_loops(engine):
    expected = sum(i * j for i in range(5) for j in range(3))
    assert run("loops", engine)["shared"].tolist() == [expected, 15]


def test_recursion(engine):
    shared = run("calls", engine)["shared"]
    assert shared.tolist() == [math.factorial(n) for n in range(11)]


def test_recursion_past_the_depth(engine):
    text = (FOLDER / "calls.lasm").read_text().replace(".depth 12", ".depth 8")
    runner = lw.fleet.assemble(text, "calls.lasm").bind(engine)
    with pytest.raises(lw.Trap) as caught:
        runner()
    assert caught.value.code.ident == "LW6020"
    assert caught.value.lane == 9
    assert caught.value.span.line == 20


def test_an_output_is_a_picture_as_large_as_the_one_that_went_in(tmp_path):
    words = ["run", FOLDER / "image.lasm", f"image={FOLDER / 'photo.ppm'}", "--outputs", "gray"]
    done = subprocess.run(
        [sys.executable, "-m", "lanework", *words, "--engine", "reference", "--out", "gray.pgm"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, "gray.pgm" in done.stderr) == (0, True)
    photo = read_picture((FOLDER / "photo.ppm").read_bytes())
    gray = photo.astype(float) @ [0.299, 0.587, 0.114]
    assert np.abs(read_picture((tmp_path / "gray.pgm").read_bytes()) - gray).max() < 0.51


@pytest.mark.parametrize("name", WORKLOADS)
def test_programs_of_the_benchmark(engine, name):
    """What they answer at small sizes is what NumPy does, in the same order."""
    work = WORKLOADS[name]
    storage = "f16" if name == "logistic" else "f32"
    with work.program().bind(engine, seed=workloads.SEED, storage=storage) as runner:
        result = runner(**work.inputs)
    assert result.stats["reads_outside"] == result.stats["writes_outside"] == 0
    assert result.stats["conflicts"] == 0
    actual, expected = result[work.output].reshape(-1), np.ravel(work.expected())
    if name == "option":  # logarithms, sines and exponentials are each library's own
        assert np.allclose(actual, expected, rtol=1e-5, atol=1e-4)
    else:
        assert np.array_equal(actual, expected)


def test_every_program_of_the_benchmark_is_tested():
    files = {path.stem for path in (FOLDER.parents[1] / "bench" / "programs").glob("*.lasm")}
    assert files <= {work.file for work in WORKLOADS.values()}


@pytest.mark.parametrize("one", classes.CLASSES, ids=lambda one: one.name)
def test_loops_of_the_benchmark_do_their_instructions(monkeypatch, one):
    """As often as they are asked to, within their words, and of as many VMs as there are."""
    monkeypatch.setattr(classes, "MOST", 64)
    fleet, given = classes.program(one, 3)
    turns = [fleet.bind("reference")(turns=[n], **given).stats for n in (2, 5)]
    loop = (turns[1]["instructions"] - turns[0]["instructions"]) / 9
    calls = one.body.count("CALL")
    assert loop == len(one.body.strip().splitlines()) + 2 * calls + 2
    assert [s["reads_outside"] + s["writes_outside"] + s["stalled"] for s in turns] == [0, 0]


def test_the_inside_of_the_set_of_mandelbrot(engine):
    """The real numbers from -2 to 1/4 stay, and i does; 1/2 leaves in the fifth turn."""
    turns = run("mandelbrot", engine, {"WIDTH": 12, "HEIGHT": 12})["turns"].reshape(12, 12)
    assert turns[6].tolist() == [64.0] * 10 + [5.0, 3.0]
    assert np.array_equal(turns[1:6], turns[:6:-1])  # the set is its own mirror


def test_an_epidemic_of_agents(engine):
    """Most get it and get well when each infects six, and nobody while nobody has it."""
    agents = (np.arange(2000) < 20).astype(float)
    after = run("sir", engine, {"AGENTS": 2000}, {"seed": 3}, agents=agents)["agents"]
    assert set(after) <= {0.0, 1.0, 2.0}
    assert (after > 0).mean() > 0.95
    assert not run("sir", engine, {"AGENTS": 2000}, agents=0 * agents)["agents"].any()


def test_the_value_of_an_option(engine):
    """The mean of all payoffs, near the closed form."""
    payoffs = run("option", engine, {"PATHS": 20_000, "PAIRS": 4}, {"seed": 2})["payoffs"]
    error = payoffs.std() / math.sqrt(len(payoffs))
    assert abs(payoffs.mean() - oracle.black_scholes()) < 3 * error
