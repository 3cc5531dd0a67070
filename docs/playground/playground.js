// The page of the playground. Python runs in worker.js; here is what the page shows.
const $ = (id) => document.getElementById(id);
const number = (x) => (x === null ? "–" : Number(x.toPrecision(4)).toString());

// --- Python ------------------------------------------------------------------------------------

const PATIENCE = 4000; // ms until a call may be stopped
let worker, loaded, calls, count = 0;

function start() {
  calls = new Map();
  say("Loading Python, 13 MB …");
  worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  loaded = new Promise((resolve) => calls.set(0, resolve));
  worker.onmessage = ({ data: [id, answer] }) => {
    calls.get(id)?.(JSON.parse(answer));
    calls.delete(id);
  };
  worker.onerror = (event) => say(`Python could not be loaded. ${event.message ?? ""}`);
}

function stop() {
  worker.terminate();
  const stopped = { error: "Stopped. Python starts anew.", printed: "", notes: [] };
  for (const answer of calls.values()) answer(stopped);
  start();
}

// Call a function of playground.py; the answer has a result or an error, printed, and notes.
async function call(name, ...values) {
  await loaded;
  const id = ++count;
  const slow = setTimeout(() => calls.has(id) && say("Still running …", "Stop"), PATIENCE);
  const answer = await new Promise((resolve) => {
    calls.set(id, resolve);
    worker.postMessage([id, name, values]);
  });
  clearTimeout(slow);
  say(answer.error && !answer.result ? "There is an error." : "Ready.");
  return answer;
}

function say(text, action = "") {
  $("state").textContent = text + " ";
  if (!action) return;
  const button = document.createElement("button");
  button.textContent = action;
  button.onclick = stop;
  $("state").append(button);
}

// Show what was printed, warnings and errors.
function tell(place, { error, printed, notes }) {
  const text = [printed.trimEnd(), ...notes.map((note) => `Note: ${note}`), error].filter(Boolean).join("\n");
  place.textContent = text;
  place.hidden = !text;
}

// --- tabs --------------------------------------------------------------------------------------

const tabs = [...document.querySelectorAll("#workbench [role=tab]")];
for (const tab of tabs) {
  tab.onclick = () => {
    for (const other of tabs) {
      other.setAttribute("aria-selected", other === tab);
      $(other.getAttribute("aria-controls")).hidden = other !== tab;
    }
    if (tab.id === "tab-network" && !snapshot) setUp();
  };
}

// --- a graph -----------------------------------------------------------------------------------

const EXAMPLES = {
  "A neuron": "tanh(w * x + b)",
  "A node that is used twice": 'a = Value(3.0, "a")\nb = a * a\nb.name = "b"\nb + a',
  "A neuron that is dead": 'w, x = Value(-3.0, "w"), Value(2.0, "x")\nrelu(w * x) + 1',
  "Softmax and cross-entropy":
    'z = [Value(2.0, "z1"), Value(-1.0, "z2"), Value(0.5, "z3")]\np = softmax(z)\n-log(p[0])',
  "A network": 'model = nn.MLP(2, [3, 1], activation="tanh", seed=0)\nsquare(model([0.5, -1.0]) - 1)',
  "A loop": 'x = Value(0.5, "x")\ny = x\nfor _ in range(4):\n    y = 3.5 * y * (1 - y)\ny',
};
const sliders = {}; // numbers of leaves that were moved, by name
let view = "picture";

for (const title of Object.keys(EXAMPLES)) $("example").append(new Option(title));
$("example").onchange = () => {
  for (const name of Object.keys(sliders)) delete sliders[name];
  $("code").value = EXAMPLES[$("example").value];
  $("leaves").replaceChildren();
  draw();
};

// Only the last of several changes is drawn: the others are overtaken while Python computes.
let drawing = false, stale = false;
async function draw() {
  stale = true;
  if (drawing) return;
  drawing = true;
  while (stale) {
    stale = false;
    const answer = await call("graph", $("code").value, sliders);
    tell($("message"), answer);
    if (!answer.result) continue;
    const { svg, text, leaves } = answer.result;
    $("picture").innerHTML = svg;
    $("picture").title = text;
    showLeaves(leaves);
    await showView();
  }
  drawing = false;
}

function showLeaves(leaves) {
  const shown = [...$("leaves").querySelectorAll("input")];
  if (shown.map((x) => x.name).join() !== leaves.map((x) => x.name).join()) {
    $("leaves").replaceChildren(
      ...leaves.map(({ name, data }) => {
        const label = document.createElement("label");
        const reach = Math.max(2, 2 * Math.abs(data));
        label.innerHTML = `<b></b> <output></output><input type="range" min="${-reach}" max="${reach}" step="any">`;
        label.querySelector("b").textContent = name;
        const input = label.querySelector("input");
        Object.assign(input, { name, value: data, oninput: () => ((sliders[name] = input.valueAsNumber), draw()) });
        return label;
      }),
    );
    const chosen = $("wrt").value;
    $("wrt").replaceChildren(...leaves.map(({ name }) => new Option(name)));
    if (leaves.some(({ name }) => name === chosen)) $("wrt").value = chosen;
  }
  const outputs = $("leaves").querySelectorAll("output");
  leaves.forEach(({ data, grad }, i) => (outputs[i].textContent = `= ${number(data)}, its gradient ${number(grad)}`));
}

async function showView() {
  for (const id of ["picture", "passes", "explain"]) $(id).hidden = id !== view;
  if (view === "passes") {
    const answer = await call("passes");
    tell($("message"), answer);
    if (answer.result) $("passes").srcdoc = answer.result;
  } else if (view === "explain" && $("wrt").value) {
    const { result, error } = await call("explained", $("wrt").value);
    $("explained").textContent = error ?? Object.values(result).join("\n\n");
  }
}

const views = [...document.querySelectorAll("#graph [data-view]")];
for (const button of views) {
  button.onclick = () => {
    view = button.dataset.view;
    for (const other of views) other.setAttribute("aria-pressed", other === button);
    showView();
  };
}
$("wrt").onchange = showView;

let typing;
$("code").oninput = () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    for (const name of Object.keys(sliders)) delete sliders[name];
    draw();
  }, 500);
};

// --- a network in training ---------------------------------------------------------------------

const SIDE = 20; // the plane is looked at in 20 × 20 points
const FRAME = 60; // ms of training between two pictures
$("program").value = `import nn
from autograd import mean, zero_grad

data = moons(100, noise=0.1)
model = nn.MLP(2, [4, 4, 1], activation="tanh", seed=0)
rate = 0.1
batch_size = 10

def step(batch):  # a minibatch, again and again
    loss = mean([nn.hinge_loss(model(x), y) for x, y in batch])
    zero_grad(model.parameters())
    loss.backward()
    for p in model.parameters():
        p.data -= rate * p.grad
    return loss
`;
let snapshot = null, losses = [], running = false, edited = false;

const rate = () => Number((10 ** $("rate").valueAsNumber).toPrecision(2));
// Each control writes one line of the program; an edited line is written over, others stay.
const LINES = {
  data: () => `${$("data").value}(100, noise=${$("noise").value})`,
  model: () => {
    const hidden = Array($("depth").valueAsNumber).fill($("width").value);
    return `nn.MLP(2, [${[...hidden, 1].join(", ")}], activation="${$("activation").value}", seed=0)`;
  },
  rate,
};

function writeLines() {
  for (const id of ["noise", "depth", "width"]) $(id).previousElementSibling.textContent = $(id).value;
  $("rate").previousElementSibling.textContent = rate();
  for (const [name, line] of Object.entries(LINES)) {
    $("program").value = $("program").value.replace(new RegExp(`^${name} = .*$`, "m"), () => `${name} = ${line()}`);
  }
}

for (const id of ["data", "noise", "depth", "width", "activation"]) {
  $(id).oninput = () => (writeLines(), setUp());
}
$("rate").oninput = () => (writeLines(), snapshot && call("assign", "rate", rate()));
$("program").oninput = () => (edited = true);
$("slopes").onchange = () => snapshot && showWires();
$("again").onclick = () => setUp();
$("one").onclick = () => train(0);
$("train").onclick = async () => {
  running = !running;
  $("train").textContent = running ? "Pause" : "Train";
  while (running) {
    await train(FRAME);
    await new Promise(requestAnimationFrame);
  }
};

// Run the program anew.
async function setUp() {
  edited = false;
  losses = [];
  return show(await call("set_up", $("program").value, SIDE));
}

async function train(milliseconds) {
  if ((edited || !snapshot) && !(await setUp())) return;
  await show(await call("advance", milliseconds, SIDE));
}

// Show a snapshot, and tell whether there is one.
function show(answer) {
  tell($("trouble"), answer);
  snapshot = answer.result ?? null;
  if (!snapshot) {
    running = false;
    $("train").textContent = "Train";
    return false;
  }
  const { steps, loss, accuracy } = snapshot;
  if (loss !== null) losses.push(loss);
  $("measured").textContent =
    `${steps} steps, loss ${number(loss)}, ${Math.round(100 * accuracy)} % of the data right`;
  showPlane();
  showWires();
  showCurve();
  return true;
}

function colour(x, alpha) {
  return x >= 0 ? `rgba(31, 111, 178, ${alpha})` : `rgba(217, 118, 26, ${alpha})`;
}

function showPlane() {
  const canvas = $("plane"), context = canvas.getContext("2d"), side = canvas.width;
  const small = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  const pixels = small.getContext("2d");
  snapshot.grid.forEach((x, i) => {
    pixels.fillStyle = x === null ? "grey" : colour(x, Math.min(0.1 + 0.7 * Math.abs(x), 0.8));
    pixels.fillRect(i % SIDE, Math.floor(i / SIDE), 1, 1);
  });
  context.fillStyle = "white";
  context.fillRect(0, 0, side, side);
  context.drawImage(small, 0, 0, side, side);
  for (const [x, y, label] of snapshot.points) {
    context.beginPath();
    context.arc(((x + 2) / 4) * side, ((2 - y) / 4) * side, 6, 0, 2 * Math.PI);
    context.fillStyle = colour(label, 1);
    context.fill();
    context.strokeStyle = "white";
    context.stroke();
  }
}

function showWires() {
  const layers = snapshot.layers, [weight, bias] = $("slopes").checked ? ["dw", "db"] : ["w", "b"];
  const columns = layers.length ? [layers[0][0].w.length, ...layers.map((layer) => layer.length)] : [];
  const height = 40 * Math.max(4, ...columns), width = 90 * Math.max(2, columns.length);
  const place = (column, i) => [90 * column + 45, (height * (i + 0.5)) / columns[column]];
  const all = layers.flat().flatMap((neuron) => neuron[weight]).map((w) => Math.abs(w ?? 0));
  const largest = Math.max(1e-12, ...all);
  const wires = [], circles = [];
  const name = { w: "weight", dw: "gradient", b: "bias", db: "gradient of the bias" };
  columns.forEach((n, column) => {
    for (let i = 0; i < n; i++) {
      const [x, y] = place(column, i), neuron = column ? layers[column - 1][i] : null;
      neuron?.[weight].forEach((w, j) => {
        const [fromX, fromY] = place(column - 1, j), size = Math.abs(w ?? 0) / largest;
        wires.push(
          `<line x1="${fromX}" y1="${fromY}" x2="${x}" y2="${y}" stroke="${colour(w, 0.15 + 0.85 * size)}"` +
            ` stroke-width="${0.5 + 5 * size}"><title>${name[weight]} ${number(w)}</title></line>`,
        );
      });
      const fill = neuron ? colour(neuron[bias], Math.min(1, 0.15 + Math.abs(neuron[bias] ?? 0))) : "none";
      const title = neuron ? `${name[bias]} ${number(neuron[bias])}` : `input ${i + 1}`;
      circles.push(
        `<circle cx="${x}" cy="${y}" r="12" fill="var(--md-default-bg-color)"/>` +
          `<circle cx="${x}" cy="${y}" r="12" fill="${fill}" stroke="currentColor"><title>${title}</title></circle>`,
        neuron ? "" : `<text x="${x}" y="${y + 4}" text-anchor="middle" font-size="12" fill="currentColor">x${"₁₂"[i] ?? ""}</text>`,
      );
    }
  });
  $("wires").setAttribute("viewBox", `0 0 ${width} ${height}`);
  $("wires").innerHTML = layers.length
    ? wires.join("") + circles.join("")
    : `<text x="10" y="24" font-size="12" fill="currentColor">model is no nn.MLP</text>`;
}

function showCurve() {
  const known = losses.slice(-1000), top = Math.max(1e-12, ...known);
  const points = known.map((loss, i) => `${(300 * i) / Math.max(1, known.length - 1)},${78 - (76 * loss) / top}`);
  $("curve").innerHTML =
    `<polyline points="${points.join(" ")}" fill="none" stroke="var(--positive)" stroke-width="2" vector-effect="non-scaling-stroke"/>`;
}

// --- begin -------------------------------------------------------------------------------------

if (location.protocol === "file:") {
  say("The playground needs a web server: run `python -m http.server` in the folder of the site.");
} else {
  start();
  writeLines();
  $("example").onchange();
}
