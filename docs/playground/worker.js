// Python in the browser, beside the page, so that the page answers while it computes.
// A message is [number, name of a function of playground.py, its arguments], and the answer
// [number, what `call` returned]; number 0 says that Python is there.
import { Graphviz } from "./vendor/index.js";
import { loadPyodide } from "./vendor/pyodide.mjs";

async function bytes(name) {
  const answer = await fetch(new URL(name, import.meta.url));
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${answer.statusText}`);
  return answer.arrayBuffer();
}

async function load() {
  const [python, graphviz, wheel, dot, code] = await Promise.all([
    loadPyodide({ indexURL: new URL("vendor/", import.meta.url).href }),
    Graphviz.load(),
    bytes("vendor/chainrule.whl"),
    bytes("vendor/graphviz.zip"),
    bytes("playground.py"),
  ]);
  python.unpackArchive(wheel, "wheel");
  python.unpackArchive(dot, "zip");
  python.FS.writeFile("playground.py", new Uint8Array(code));
  python.pyimport("autograd.pictures").set_layout((source) => graphviz.dot(source));
  return python.pyimport("playground").call;
}

const call = await load();
onmessage = ({ data: [id, name, values] }) => postMessage([id, call(name, JSON.stringify(values))]);
postMessage([0, "null"]);
