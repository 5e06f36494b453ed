"use strict";
// A field for each input of the model, filled with an example of the right shape; text is only ever set as text.

const by = (id) => document.getElementById(id);
const MOST = 200; // values that are shown of one output
let model = null;

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

const sizes = (shape) => shape.map((size) => (size < 0 ? "any" : size)).join(" × ") || "one value";
const concrete = (shape) => shape.map((size) => (size < 0 ? 1 : size));
const filler = { BOOL: false, BYTES: "" };

function example(port) {
  const build = (shape) =>
    shape.length ? Array.from({ length: shape[0] }, () => build(shape.slice(1))) : (filler[port.datatype] ?? 0);
  const shape = concrete(port.shape);
  return shape.reduce((product, size) => product * size, 1) > 100000 ? [] : build(shape);
}

function field(port) {
  const set = element("fieldset");
  set.append(element("legend", port.name));
  const label = element("label", `${port.datatype || "a type that JSON cannot write"}, ${sizes(port.shape)}`);
  const text = element("textarea", undefined, "data");
  text.rows = 5;
  text.name = port.name;
  text.spellcheck = false;
  text.value = JSON.stringify(example(port));
  label.append(text);
  set.append(label);
  return set;
}

const shapeOf = (data) => (Array.isArray(data) ? [data.length, ...(data.length ? shapeOf(data[0]) : [])] : []);

function request() {
  return {
    inputs: model.inputs.map((port) => {
      const data = JSON.parse(by("form").elements[port.name].value);
      const shape = port.shape.length ? shapeOf(data) : [];
      return { name: port.name, datatype: port.datatype, shape, data: Array.isArray(data) ? data : [data] };
    }),
  };
}

// A few numbers between 0 and 1 are most likely scores: a bar beside each says more than its digits.
function values(output) {
  const numbers = output.data.every((value) => typeof value === "number");
  const scores = numbers && output.datatype.startsWith("FP") && output.data.every((value) => value >= 0 && value <= 1);
  const most = numbers && output.data.length > 1 ? output.data.indexOf(Math.max(...output.data)) : -1;
  const table = element("table");
  output.data.slice(0, MOST).forEach((value, place) => {
    const row = element("tr", undefined, place === most ? "most" : "");
    row.append(element("th", String(place)), element("td", typeof value === "number" ? String(+value.toPrecision(6)) : String(value)));
    if (scores) {
      const meter = element("meter");
      meter.value = value;
      const cell = element("td");
      cell.append(meter);
      row.append(cell);
    }
    table.append(row);
  });
  return table;
}

function show(answer) {
  const shown = answer.outputs.flatMap((output) => [
    element("p", `${output.name}: ${output.datatype}, ${sizes(output.shape)}`, "soft"),
    values(output),
    ...(output.data.length > MOST ? [element("p", `and ${output.data.length - MOST} more`, "soft")] : []),
  ]);
  by("outputs").replaceChildren(...shown);
}

async function run() {
  by("result").hidden = false;
  by("run").disabled = true;
  try {
    const response = await fetch(`/v2/models/${encodeURIComponent(model.name)}/infer`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(request()),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    show(answer);
  } catch (error) {
    by("outputs").replaceChildren(element("p", `It did not work: ${error.message}`, "problem"));
  } finally {
    by("run").disabled = false;
  }
}

async function start() {
  const list = await (await fetch("/v1/models")).json();
  const name = list.data[0].id;
  model = await (await fetch(`/v2/models/${encodeURIComponent(name)}`)).json();
  by("model").textContent = model.name;
  document.title = `${model.name} · Orchard`;
  by("inputs").replaceChildren(...model.inputs.map(field));
  const body = JSON.stringify(request());
  const short = body.length > 300 ? `${body.slice(0, 300)}…` : body;
  by("curl").textContent = `curl ${location.origin}/v2/models/${encodeURIComponent(name)}/infer -d '${short}'`;
}

by("form").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
start().catch((error) => {
  by("model").textContent = `The server does not answer: ${error.message}`;
});
