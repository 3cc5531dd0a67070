"""nn.plot: what the pictures show, read from the structure of the figures."""

import io
import itertools
import math
from functools import partial

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from matplotlib.colors import to_hex, to_rgb
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from PIL import Image

import autograd
import nn
from nn import plot

HISTORY = {
    "epoch": [1, 2, 3],
    "loss": [0.9, 0.5, 0.4],
    "val_loss": [1.0, 0.6, 0.7],
    "accuracy": [0.5, 0.8, 0.9],
    "val_accuracy": [0.4, 0.7, 0.7],
    "lr": [0.1, 0.1, 0.1],
}


def texts(legend):
    return [text.get_text() for text in legend.get_texts()]


def rendered(figure):
    """Draw the figure, since the layout and the tick labels are computed only then."""
    figure.savefig(io.BytesIO(), format="png")
    return figure


def brightness(colour):
    """What is left of a colour on a grey printer, in 0 … 1."""
    return float(np.dot(to_rgb(colour), (0.2126, 0.7152, 0.0722)))


class TestFigure:
    def test_pyplot_is_never_loaded(self, run_python):
        code = (
            "import io, sys, nn.plot; "
            "nn.plot.learning_curves({'loss': [1.0, 0.5]}).savefig(io.BytesIO(), format='png'); "
            "print('matplotlib.pyplot' in sys.modules)"
        )
        assert run_python(code) == "False\n"

    def test_shows_itself_in_a_notebook(self):
        figure = plot.activation("tanh")
        assert isinstance(figure, Figure)
        png, size = figure._repr_png_()
        assert size == {"width": 600.0, "height": 400.0}
        assert Image.open(io.BytesIO(png)).size == (1200, 800)

    def test_shows_itself_in_a_window(self, monkeypatch):
        monkeypatch.setenv("MPLBACKEND", "agg")
        from matplotlib import pyplot

        shown = []
        monkeypatch.setattr(pyplot, "show", lambda: shown.append(pyplot.gcf().canvas.figure))
        figure = plot.activation("tanh")
        figure.show()
        pyplot.close("all")
        assert shown == [figure]


class TestLearningCurves:
    def test_two_panels(self):
        loss, accuracy = rendered(plot.learning_curves(HISTORY)).axes
        for axes, name in ((loss, "loss"), (accuracy, "accuracy")):
            assert axes.get_title() == name.capitalize()
            assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", name)
            assert texts(axes.get_legend()) == ["training", "validation"]
            train, validation = axes.lines
            assert list(train.get_xdata()) == [1, 2, 3]
            assert list(train.get_ydata()) == HISTORY[name]
            assert list(validation.get_ydata()) == HISTORY[f"val_{name}"]
        assert loss.get_ylim()[0] == 0
        assert loss.get_ylim()[1] > 1.0
        assert "80%" in [label.get_text() for label in accuracy.get_yticklabels()]

    def test_only_what_was_measured_is_drawn(self):
        (loss,) = plot.learning_curves({"loss": [1.0, -2.0]}).axes
        assert list(loss.lines[0].get_xdata()) == [1, 2]
        assert texts(loss.get_legend()) == ["training"]
        assert loss.get_ylim()[0] < -2  # which is not cut off
        (accuracy,) = plot.learning_curves({"val_accuracy": [0.5, 0.6]}).axes
        assert accuracy.get_title() == "Accuracy"
        assert texts(accuracy.get_legend()) == ["validation"]

    @pytest.mark.parametrize(
        ("history", "epochs", "mark"),
        [({"epoch": [7, 8], "loss": [0.9, 0.5]}, [7, 8], ""), ({"loss": [0.9]}, [1], "o")],
    )
    def test_epochs_are_whole_numbers_and_a_single_one_is_a_dot(self, history, epochs, mark):
        (loss,) = rendered(plot.learning_curves(history)).axes
        lo, hi = loss.get_xlim()
        assert [tick for tick in loss.get_xticks() if lo <= tick <= hi] == epochs
        assert loss.lines[0].get_marker() == mark

    @pytest.mark.parametrize(
        ("losses", "label"),
        [
            ([1.0, 9.0, math.inf, math.nan], "training (inf at epoch 3)"),
            ([math.nan] * 4, "training (nan at epoch 1)"),
        ],
    )
    def test_divergence_is_told(self, losses, label):
        (loss,) = rendered(plot.learning_curves({"loss": losses})).axes
        assert texts(loss.get_legend()) == [label]
        assert loss.get_xlim()[1] > 4


class TestLines:
    def test_curves_differ_without_colour_and_settings_are_those_of_the_axes(self):
        curves = {name: [1.0, math.nan, 2.0] for name in "abcd"}
        (axes,) = plot.lines(curves, [0, 2, 4], marked=True, xlabel="t", yscale="log").axes
        assert len({(line.get_linestyle(), line.get_marker()) for line in axes.lines}) == 4
        assert list(axes.lines[3].get_xdata()) == [0, 2, 4]
        assert texts(axes.get_legend())[0] == "a (nan at t 2)"
        assert axes.get_yscale() == "log"

    def test_into_given_axes(self):
        figure = Figure()
        axes = figure.subplots()
        assert plot.lines({"loss": iter([0.5, 0.4])}, axes=axes) is figure
        assert list(axes.lines[0].get_xdata()) == [1, 2]


class TestLevelLines:
    def test_levels_and_paths(self):
        def height(point):
            return autograd.Value(3.0) * point[0] + point[1]

        ways = {"down": [[1.0, 1.0], [0.0, 0.5]]}
        figure = plot.level_lines(height, (0, 1), (0, 2), levels=[1.0], paths=ways, title="plane")
        (axes,) = figure.axes
        (points,) = next(c for c in axes.collections if isinstance(c, ContourSet)).allsegs[0]
        assert np.allclose(3 * points[:, 0] + points[:, 1], 1.0)
        way, start = axes.lines
        assert np.array(way.get_xydata()).tolist() == ways["down"]
        assert (*start.get_xdata(), *start.get_ydata()) == (1.0, 1.0)
        assert (axes.get_title(), axes.get_xlim(), axes.get_ylim()) == ("plane", (0, 1), (0, 2))
        assert texts(axes.get_legend()) == ["down"]


class TestDecisionBoundaryOfAModel:
    X = np.array([[-1.0, 0.0], [1.0, 0.0], [1.0, 2.0]])

    @pytest.mark.parametrize(
        ("n_outputs", "loss", "y", "labels"),
        [
            (1, "hinge_loss", np.array([-1.0, 1.0, 1.0]), ["0", "1"]),
            (1, "mse_loss", [-1.0, 1.0, 1.0], ["0", "1"]),
            (2, "cross_entropy", ["west", "east", "east"], ["east", "west"]),
            (2, "cross_entropy", [[1.0, 0.0], [0.0, 1.0], [0.2, 0.8]], ["0", "1"]),
        ],
    )
    def test_as_it_was_trained(self, n_outputs, loss, y, labels):
        model = nn.MLP(2, [n_outputs], seed=0)
        nn.fit(model, self.X, y, loss, epochs=200, lr=0.1, progress=False)
        figure = plot.decision_boundary(model, self.X, y, resolution=20)
        assert [text.get_text() for text in figure.legends[0].get_texts()] == labels
        first, *_ = figure.axes[0].collections[-2:]
        west = first if labels[0] == "0" else figure.axes[0].collections[-1]
        assert west.get_offsets().tolist() == [[-1.0, 0.0]]
        regions = figure.axes[0].collections[0].get_array()
        assert len(set(regions[10].tolist())) == 2


class TestDecisionBoundary:
    points = ((-1.0, 0.0), (1.0, 0.0), (1.0, 2.0))

    @staticmethod
    def quadrants(rows):
        return [2 * int(v > 1) + int(u > 0) for u, v in rows]

    def test_regions_are_the_predictions(self):
        asked = []

        def predict(rows):
            asked.extend(rows)
            return self.quadrants(rows)

        axes = plot.decision_boundary(predict, self.points, [0, 1, 3], resolution=20).axes[0]
        (mesh,) = (c for c in axes.collections if isinstance(c, QuadMesh))
        assert mesh.get_array().ravel().tolist() == self.quadrants(asked)
        assert len(asked) == 400
        centres = mesh.get_coordinates()
        column, row = asked[37][0], asked[37][1]
        assert centres[1, 17, 0] < column < centres[1, 18, 0]
        assert centres[1, 17, 1] < row < centres[2, 17, 1]

    def test_the_grid_covers_the_samples_with_a_margin(self):
        axes = plot.decision_boundary(self.quadrants, self.points, [0, 1, 3]).axes[0]
        assert axes.get_xlim() == pytest.approx((-1.2, 1.2))
        assert axes.get_ylim() == pytest.approx((-0.2, 2.2))

    def test_samples_on_a_line_or_a_point(self):
        axes = rendered(plot.decision_boundary(self.quadrants, [[3.0, 3.0]], [3])).axes[0]
        assert (axes.get_xlim(), axes.get_ylim()) == ((2.0, 4.0), (2.0, 4.0))

    def test_classes_differ_in_colour_and_marker(self):
        names = ("south-west", "south-east", "north-west", "north-east")
        figure = plot.decision_boundary(
            self.quadrants, self.points, np.array([0, 1, 3]), class_names=names
        )
        axes = figure.axes[0]
        assert axes.get_title() == "Decision boundary"
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("$x_1$", "$x_2$")
        (legend,) = figure.legends
        assert (legend.get_title().get_text(), texts(legend)) == ("class", list(names))
        dots = [c for c in axes.collections if isinstance(c, PathCollection)]
        assert [c.get_offsets().tolist() for c in dots] == [
            [[-1.0, 0.0]],
            [[1.0, 0.0]],
            [],
            [[1.0, 2.0]],
        ]
        assert len({to_hex(c.get_facecolor()[0]) for c in dots}) == 4
        assert len({c.get_paths()[0].vertices.tobytes() for c in dots}) == 4

    def test_the_border_is_drawn_where_the_prediction_changes(self):
        axes = plot.decision_boundary(self.quadrants, self.points, [0, 1, 3]).axes[0]
        borders = [c for c in axes.collections if isinstance(c, ContourSet)]
        vertices = np.concatenate([p.vertices for c in borders for p in c.get_paths()])
        step = 2.4 / 199
        near = (abs(vertices[:, 0]) <= step) | (abs(vertices[:, 1] - 1) <= step)
        assert near.all()
        assert vertices[:, 0].min() < -1.1
        assert vertices[:, 1].max() > 2.1

    def test_one_region_has_no_border(self):
        def constant(rows):
            return [0] * len(rows)

        axes = rendered(plot.decision_boundary(constant, self.points, [0, 1, 1])).axes[0]
        assert not any(isinstance(c, ContourSet) for c in axes.collections)

    def test_many_classes(self):
        points = [[float(k), 0.0] for k in range(12)]
        figure = plot.decision_boundary(
            lambda rows: [0] * len(rows), points, list(range(12)), resolution=2
        )
        dots = [c for c in figure.axes[0].collections if isinstance(c, PathCollection)]
        looks = {(to_hex(c.get_facecolor()[0]), c.get_paths()[0].vertices.tobytes()) for c in dots}
        assert len(looks) == 12

    def test_the_tint_of_a_region_is_that_of_its_samples_and_differs_in_grey(self):
        axes = plot.decision_boundary(self.quadrants, self.points, [0, 1, 3]).axes[0]
        (mesh,) = (c for c in axes.collections if isinstance(c, QuadMesh))
        dots = [c for c in axes.collections if isinstance(c, PathCollection)]
        for k, points in enumerate(dots):
            paleness = (1 - mesh.to_rgba(np.array([k]))[0, :3]) / (
                1 - points.get_facecolor()[0, :3]
            )
            np.testing.assert_allclose(paleness, 0.35, atol=0.01)
        tints = axes.collections[0].get_cmap().colors
        assert abs(brightness(tints[0]) - brightness(tints[1])) > 0.08


class TestNetwork:
    @staticmethod
    def filled(model, weight):
        """Set all weights."""
        for layer in model.layers:
            for w in itertools.chain(*layer.W):
                w.data = weight
        return model

    @staticmethod
    def columns(axes):
        """The heights of the nodes of each column."""
        nodes = [c for c in axes.collections if isinstance(c, PathCollection)]
        return [c.get_offsets()[:, 1].tolist() for c in nodes]

    @staticmethod
    def wires(axes):
        """The colour of each wire, whether it is dashed and its width, by its ends."""
        return {
            tuple(map(tuple, segment)): (to_hex(c.get_color()[0]).upper(), dashed, width)
            for c in axes.collections
            if isinstance(c, LineCollection)
            for dashed in [any(pattern is not None for _, pattern in c.get_linestyle())]
            for segment, width in zip(c.get_segments(), c.get_linewidths(), strict=True)
        }

    @staticmethod
    def written(axes):
        return [text.get_text() for text in axes.texts]

    def test_columns_from_top_to_bottom_with_size_and_activation(self):
        model = nn.MLP(2, [3, 2], "tanh", output="softmax", seed=0)
        axes = rendered(plot.network(model)).axes[0]
        assert axes.get_title() == "MLP(2 → 3 tanh → 2 softmax)"
        assert self.columns(axes) == [[0.5, -0.5], [1.0, 0.0, -1.0], [0.5, -0.5]]
        assert self.written(axes) == [
            *["$x_{1}$", "$x_{2}$", "$x^{(0)}$: 2 inputs\n"],
            *["$x_{1}$", "$x_{2}$", "$x_{3}$", "$x^{(1)}$: 3 neurons\ntanh"],
            *["$x_{1}$", "$x_{2}$", "$x^{(2)}$: 2 neurons\nsoftmax"],
        ]

    def test_a_wire_shows_the_sign_and_the_size_of_its_weight(self):
        model = self.filled(nn.MLP(2, [2, 1]), 0.0)
        first, second = model.layers[0].neurons
        first.w[0].data, first.w[1].data, second.w[0].data = 4.0, -2.0, 1.0
        figure = rendered(plot.network(model))
        wires = self.wires(figure.axes[0])
        colours = {ends: (colour, dashed) for ends, (colour, dashed, _) in wires.items()}
        up, falling, rising = ((0, 0.5), (1, 0.5)), ((0, 0.5), (1, -0.5)), ((0, -0.5), (1, 0.5))
        blue, orange = ("#0072B2", False), ("#D55E00", True)
        assert colours == {up: blue, rising: orange, falling: blue}
        sizes = [wires[ends][2] - 0.2 for ends in (up, rising, falling)]
        assert sizes == pytest.approx([2.5, 1.25, 0.625])
        (legend,) = figure.legends
        assert texts(legend) == ["w > 0", "w < 0"]
        assert legend.get_title().get_text() == "the thickest wire: |w| = 4"

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
    def test_a_weight_that_is_not_finite_is_black_and_sets_no_scale(self, bad):
        model = self.filled(nn.MLP(2, [1]), 0.0)
        model.layers[0].neurons[0].w[0].data = bad
        figure = rendered(plot.network(model))
        assert [wire[0] for wire in self.wires(figure.axes[0]).values()] == ["#000000"]
        assert texts(figure.legends[0]) == ["w is nan or infinite"]
        assert figure.legends[0].get_title().get_text() == ""
        model.layers[0].neurons[0].w[1].data = 3.0
        assert "|w| = 3" in plot.network(model).legends[0].get_title().get_text()

    def test_the_numbers_of_a_sample(self):
        model = self.filled(nn.MLP(1, [1, 1], "relu"), 2.0)
        axes = plot.network(model, [150.0]).axes[0]
        assert self.written(axes)[::2] == ["2e+02", "3e+02", "6e+02"]
        assert self.written(plot.network(model, np.array([-0.5])).axes[0])[::2] == [
            *["-0.50", "0.00", "0.00"]
        ]

    def test_a_wide_layer_is_cut_in_its_middle(self):
        model = nn.MLP(9, [4, 5, 1], seed=0)
        axes = rendered(plot.network(model, max_neurons=4)).axes[0]
        cut, full = [2.0, 1.0, -1.0, -2.0], [1.5, 0.5, -0.5, -1.5]
        assert self.columns(axes) == [cut, full, cut, [0.0]]
        inputs = ["$x_{1}$", "$x_{2}$", "$x_{8}$", "$x_{9}$", "$\\vdots$"]
        assert self.written(axes)[:5] == inputs
        assert len(self.wires(axes)) == 4 * 4 + 4 * 4 + 4
        weight = model.layers[0].neurons[3].w[7].data
        colour = self.wires(axes)[(0, -1.0), (1, -1.5)][0]
        assert colour == ("#0072B2" if weight > 0 else "#D55E00")

    @pytest.mark.parametrize("widths", [(2, 3, 1), (4, 16, 16, 3), (64, 32, 32, 10)])
    def test_titles_cross_neither_each_other_nor_the_nodes(self, widths):
        model = nn.MLP(widths[0], widths[1:], "leaky_relu", seed=0)
        axes = rendered(plot.network(model)).axes[0]
        titles = [t.get_window_extent() for t in axes.texts if "^{(" in t.get_text()]
        nodes = [t.get_window_extent() for t in axes.texts if "^{(" not in t.get_text()]
        assert all(a.x1 < b.x0 for a, b in itertools.pairwise(titles))
        assert min(t.y0 for t in titles) > max(n.y1 for n in nodes)
        assert axes.title.get_window_extent().y0 > max(t.y1 for t in titles)

    def test_layers_of_other_models_and_their_shortcuts(self):
        block = nn.Sequential(nn.Layer(2, 3, "tanh"), nn.Dropout(), nn.Layer(3, 2, "linear"))
        model = nn.Sequential(nn.Residual(block), nn.Residual(nn.Layer(2, 2)), nn.Neuron(2))
        axes = rendered(plot.network(model, [0.5, -1.0])).axes[0]
        arcs, *columns = [c for c in axes.collections if isinstance(c, PathCollection)]
        assert [len(c.get_offsets()) for c in columns] == [2, 3, 2, 2, 1]
        ends = sorted((p.vertices[0].tolist(), p.vertices[-1].tolist()) for p in arcs.get_paths())
        assert ends == [
            *[([0, -0.5], [2, -0.5]), ([0, 0.5], [2, 0.5])],
            *[([2, -0.5], [3, -0.5]), ([2, 0.5], [3, 0.5])],
        ]
        written = self.written(axes)
        assert "$x^{(2)}$: 2 neurons\nlinear $+\\ x^{(0)}$" in written
        assert f"{block([0.5, -1.0])[0].data + 0.5:.2f}" in written
        assert f"{model([0.5, -1.0]).data:.2f}" in written


class TestActivation:
    def curves(self, *args, **options):
        axes = rendered(plot.activation(*args, **options)).axes[0]
        lines = {line.get_label(): line for line in axes.lines}
        return axes, *(lines[label] for label in texts(axes.get_legend()))

    def test_function_and_derivative(self):
        axes, function, derivative = self.curves("sigmoid")
        x = np.asarray(function.get_xdata())
        sigma = 1 / (1 + np.exp(-x))
        np.testing.assert_allclose(function.get_ydata(), sigma, rtol=1e-12)
        np.testing.assert_allclose(derivative.get_ydata(), sigma * (1 - sigma), rtol=1e-9)
        np.testing.assert_array_equal(derivative.get_xdata(), x)
        assert (x[0], x[-1]) == axes.get_xlim() == (-6.0, 6.0)
        assert axes.get_title() == "sigmoid and its derivative"
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "value")
        assert texts(axes.get_legend()) == ["sigmoid(x)", "derivative"]
        assert function.get_linestyle() != derivative.get_linestyle()

    @pytest.mark.parametrize(
        ("f", "options", "name"),
        [
            (autograd.tanh, {}, "tanh"),
            ("tanh", {"name": "σ"}, "σ"),
            (lambda v: v * v, {}, "f"),
            (partial(autograd.leaky_relu, slope=0.2), {}, "f"),
            (partial(autograd.leaky_relu, slope=0.2), {"name": "leaky"}, "leaky"),
        ],
    )
    def test_name(self, f, options, name):
        axes, *_ = self.curves(f, **options)
        assert axes.get_title() == f"{name} and its derivative"
        assert texts(axes.get_legend())[0] == f"{name}(x)"

    def test_outside_the_domain_there_is_a_gap(self):
        _, function, _ = self.curves("log")
        x, y = function.get_data()
        np.testing.assert_array_equal(np.isfinite(y), np.asarray(x) > 0)


class TestConfusionMatrix:
    matrix = ((8, 2, 0), (1, 3, 0), (0, 0, 0))
    names = ("cat", "dog", "tortoise")

    def cells(self, axes):
        return {text.get_position(): text for text in axes.texts}

    def test_counts_shades_and_labels(self):
        figure = rendered(plot.confusion_matrix(self.matrix, self.names))
        axes = figure.axes[0]
        assert {position: text.get_text() for position, text in self.cells(axes).items()} == {
            (j, i): str(self.matrix[i][j]) for i in range(3) for j in range(3)
        }
        (image,) = axes.images
        np.testing.assert_allclose(image.get_array(), [[0.8, 0.2, 0], [0.25, 0.75, 0], [0, 0, 0]])
        assert image.get_clim() == (0, 1)
        assert figure.axes[1].get_ylabel() == "share of the true class"
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
        assert axes.get_title() == "Confusion matrix: 11 of 14 correct (78.6 %)"
        for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
            assert [tick.get_text() for tick in ticks] == list(self.names)

    @pytest.mark.parametrize(("names", "angle"), [("abc", 0), (names, 45)])
    def test_long_names_are_tilted(self, names, angle):
        axes = plot.confusion_matrix(self.matrix, names).axes[0]
        assert {tick.get_rotation() for tick in axes.get_xticklabels()} == {angle}

    def test_counts_are_legible_on_every_shade(self):
        matrix = [[100 - k, k] for k in range(0, 101, 5)]
        for row in matrix:
            figure = plot.confusion_matrix([row, [0, 0]], "ab")
            axes = figure.axes[0]
            (image,) = axes.images
            for (j, i), text in self.cells(axes).items():
                cell = brightness(image.to_rgba(image.get_array()[i, j])[:3])
                assert abs(cell - brightness(text.get_color())) > 0.35


class TestDigitSamples:
    images = tuple([float(k * 64 + p) for p in range(64)] for k in range(3))

    def test_images_and_answers_of_which_mistakes_have_a_thick_frame(self):
        figure = rendered(plot.digit_samples(self.images, [4, 5, 6], [4, 0, 6]))
        assert figure.get_suptitle() == "2 of 3 correct"
        assert [axes.get_title() for axes in figure.axes] == ["4", "✗ 0, is 5", "6"]
        for axes, pixels in zip(figure.axes, self.images, strict=True):
            (image,) = axes.images
            assert image.get_array().tolist() == np.reshape(pixels, (8, 8)).tolist()
        right, wrong, _ = figure.axes
        assert all(spine.get_linewidth() == 3 for spine in wrong.spines.values())
        assert all(spine.get_linewidth() < 1 for spine in right.spines.values())
        assert wrong.title.get_weight() == "bold"
        assert wrong.title.get_color() != right.title.get_color()

    @pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (1 / 16, 0.0), (0.3, -4.0)])
    def test_any_scale(self, scale, shift):
        images = [[scale * p + shift for p in pixels] for pixels in self.images]
        figure = plot.digit_samples(images, [1, 2, 3], [1, 2, 3])
        drawn = [axes.images[0].to_rgba(axes.images[0].get_array()) for axes in figure.axes]
        assert drawn[0][0, 0] == pytest.approx(1)
        assert drawn[-1][-1, -1, :3] == pytest.approx(0)
        same = plot.digit_samples(self.images, [1, 2, 3], [1, 2, 3]).axes[1].images[0]
        np.testing.assert_allclose(drawn[1], same.to_rgba(same.get_array()), atol=0.01)

    @pytest.mark.parametrize(
        ("n", "columns", "shape"), [(3, 2, (2, 2)), (3, 10, (1, 3)), (4, 1, (4, 1))]
    )
    def test_arrangement(self, n, columns, shape):
        figure = plot.digit_samples([[0.0] * 64] * n, [0] * n, [0] * n, columns=columns)
        assert len(figure.axes) == n
        assert figure.axes[0].get_gridspec().get_geometry() == shape


def boundary(points, labels, predict=lambda rows: [0] * len(rows), **options):
    return plot.decision_boundary(predict, points, labels, **options)


curves = plot.learning_curves
BLANK, DIGIT = [0.0] * 63, [0.0] * 64


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: curves({"lr": [0.1]}), "'accuracy'; its columns are: 'lr'$"),
        (lambda: curves({}), "neither 'loss' nor 'accuracy'; its columns are: none$"),
        (lambda: curves({"loss": []}), "history has no epochs$"),
        (lambda: curves({"loss": [1.0], "val_loss": []}), "'val_loss' has 0 values for 1 epochs"),
        (lambda: curves({"epoch": [1, 2], "loss": [1.0]}), "'loss' has 1 values for 2 epochs"),
        (lambda: plot.lines({"a": [1.0, 2.0], "b": [1.0]}, [0, 1]), "'b' has 1 numbers for 2 pl"),
        (lambda: boundary([], []), "X has no samples to draw"),
        (lambda: boundary([[0, 0], [0] * 3], [0, 0]), "a plane has 2 features, but row 1 of X has"),
        (lambda: boundary([[0, 0]], [0, 1]), "y has 2 labels for 1 rows"),
        (lambda: boundary([[0, 0]], [0], resolution=1), "resolution must be at least 2, not 1"),
        (lambda: boundary([[0, 0]], [2], class_names="ab"), "y: label 0 is 2, but class_names has"),
        (lambda: boundary([[0, 0]], [-1], class_names="ab"), "y: label 0 is -1, but class_names"),
        (lambda: boundary([[0, 0]], [0], lambda _: [0], resolution=2), r"predict\(grid\) has 1 l"),
        (lambda: plot.network(nn.MLP(1, [1]), [1.0, 2.0]), "takes 1 inputs, not 2"),
        (
            lambda: plot.network(nn.MLP(2, [2]), max_neurons=1),
            "max_neurons must be at least 2, not 1",
        ),
        (lambda: plot.activation("swish"), "no function called 'swish'; try 'relu'"),
        *(
            (partial(plot.activation, "relu", lo=lo, hi=hi), f"with lo < hi, not {lo} and {hi}")
            for lo, hi in ((1, 1), (2, 1), (-math.inf, 0), (0, math.nan))
        ),
        (lambda: plot.confusion_matrix([], []), "matrix has 0 rows for 0 class names"),
        (lambda: plot.confusion_matrix([[1, 0]], "ab"), "matrix has 1 rows for 2 class names"),
        (lambda: plot.confusion_matrix([[1, 0], [1]], "ab"), "row 'b' .* has 1 counts for 2 cl"),
        (lambda: plot.confusion_matrix([[1, -1], [0, 1]], "ab"), "row 'a' .* negative count -1"),
        (lambda: plot.digit_samples([], [], []), "X has no images to draw"),
        (lambda: plot.digit_samples([DIGIT, BLANK], [1, 2], [1, 2]), "row 1 of X has 63 pixels"),
        (lambda: plot.digit_samples([[]], [1], [1]), "row 0 of X has 0 pixels, which is not a sq"),
        (lambda: plot.digit_samples([DIGIT], [1, 2], [1]), "y_true has 2 labels for 1 rows"),
        (lambda: plot.digit_samples([DIGIT], [1], []), "y_pred has 0 labels for 1 rows"),
        (lambda: plot.digit_samples([DIGIT], [1], [1], columns=0), "columns must be at least 1, n"),
    ],
)
def test_values_that_cannot_be_drawn(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: curves([0.9, 0.5]), "must be what fit returned, .*; it is a list"),
        (lambda: boundary([[0, 0]], ["b"], nn.MLP(2, [2])), r"y\[0\] must be the index .* not 'b'"),
        (
            lambda: boundary([[0, 0]], [0], lambda _: [0.7] * 4, resolution=2),
            r"t\(grid\): label 0 is 0.7",
        ),
        (lambda: plot.network(nn.Sequential(nn.Layer(2, 2), nn.RNN(2, 2))), "not RNN: take autogr"),
        (lambda: plot.network(nn.Residual(nn.Dropout())), r"Residual\(Dropout\(p=0.5\)\) has"),
        (lambda: plot.activation(lambda v: math.tanh(v.data)), "f must give a Value, not a float"),
        (lambda: plot.digit_samples([DIGIT], [1], [1.0]), r"y_pred: label 0 is 1\.0, which is not"),
    ],
)
def test_things_that_cannot_be_drawn(draw, message):
    with pytest.raises(TypeError, match=message):
        draw()
