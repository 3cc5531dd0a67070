"""Films of both passes: a frame for every step, with its numbers, in GIF and MP4."""

import itertools
import shutil

import pytest
from PIL import Image, ImageChops

from autograd import Value, animate, tanh
from autograd.classroom import animation, movie
from autograd.explanations import Graph


def product():
    a, c = Value(2.0, "a"), Value(-3.0, "c")
    d = a * c
    f = (d + a) * d
    f.name = "f"
    return f


def written(picture):
    return {shape.text for shape in picture if shape.kind == "text"}


def test_each_scene_shows_what_is_known_then():
    graph = Graph(product())
    scenes = list(movie._scenes(graph, animation._picture(graph)))
    assert len(scenes) == 1 + 3 + 1 + 3
    first, last = scenes[0][1], scenes[-1][1]
    assert {"2", "-3"} <= written(first)
    assert "24" not in written(first)
    assert {"-10", "24", "-20"} <= written(last)
    steps = [scene[0] for scene in scenes]
    assert "z₁ = a · c = 2 · (-3) = -6" in steps[1]
    assert "-4 + (-6) = -10" in steps[6]


def test_arrows_of_the_backward_pass_have_their_head_at_the_operand():
    graph = Graph(tanh(Value(0.5, "x")))
    tips = []
    for _, picture in movie._scenes(graph, animation._picture(graph)):
        (head,) = [s for s in picture if s.kind == "polygon" and s.fill == s.stroke != "none"]
        tips.append(min(x for x, _ in head.points))
    leaf, forward, seed, backward = tips
    assert backward < leaf == forward == seed


def test_a_gif_has_a_frame_for_every_step(tmp_path):
    made = animate(product(), tmp_path / "film.gif")
    assert made.path == tmp_path / "film.gif"
    with Image.open(made.path) as film:
        assert (film.n_frames, film.info["duration"]) == (8, 1500)
        frames = []
        for k in range(film.n_frames):
            film.seek(k)
            frames.append(film.convert("RGB"))
    for before, after in itertools.pairwise(frames):
        assert ImageChops.difference(before, after).getbbox() is not None
    assert [path.name for path in tmp_path.iterdir()] == ["film.gif"]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_an_mp4(tmp_path):
    content = animate(tanh(Value(0.5, "x")), tmp_path / "film.mp4").path.read_bytes()
    assert content[4:8] == b"ftyp"


def test_without_ffmpeg_the_remedy_is_named(tmp_path, monkeypatch):
    which = shutil.which

    monkeypatch.setattr(
        shutil, "which", lambda name, **x: (name != "ffmpeg" and which(name, **x)) or None
    )
    with pytest.raises(RuntimeError, match=r"made by the program ffmpeg.* install it"):
        animate(product(), tmp_path / "film.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_graph_too_large_for_a_film_is_refused(tmp_path):
    y = Value(1.0)
    for _ in range(movie.MAX_NODES):
        y = tanh(y)
    with pytest.raises(ValueError, match=r"has 201 nodes, and a film can have 200: save .* \.html"):
        animate(y, tmp_path / "film.gif")
