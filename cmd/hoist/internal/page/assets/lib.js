// What every view of the page uses: speaking to the owner of the home, drawing, and words for people. Every
// text is set as text, never as markup, so that the name of a file cannot be more than a name.

export const home = { status: undefined }; // of GET /v1/status
const main = document.getElementById("main");
const note = document.getElementById("note");
let drawn = ""; // the view that main holds

// ---- speaking to the owner

// The token of the session came behind the "#" of the first address. What is kept here is this port's alone.
const came = /^#token=(\w+)$/.exec(location.hash);
if (came) {
  localStorage.setItem("token", came[1]);
  history.replaceState(null, "", "/");
}

const token = () => ({ "Hoist-Token": localStorage.getItem("token") ?? "" });

// follow is the body of an answer that goes on.
export async function follow(path) {
  const answer = await fetch(path, { headers: token() });
  if (!answer.ok) throw new Error(`the answer was ${answer.status}`);
  return answer.body;
}

export async function ask(method, path, body) {
  const headers = { "Content-Type": "application/json", ...token() };
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  let value;
  try { value = text ? JSON.parse(text) : {}; } catch { value = { error: text.trim() }; }
  if (!answer.ok) {
    const said = [value.error?.message ?? value.error ?? value.detail ?? `the answer was ${answer.status}`, value.hint];
    throw new Error(said.filter(Boolean).join(". "));
  }
  return value;
}

export const get = (path) => ask("GET", path);

let telling;
export function tell(text) {
  note.textContent = text;
  clearTimeout(telling);
  telling = setTimeout(() => { note.textContent = ""; }, 8000);
}

// ---- drawing

function element(e, props, children) {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === true) e.setAttribute(key, "");
    else if (value !== undefined && value !== false && value !== null) e.setAttribute(key, value);
  }
  e.append(...children.flat(Infinity).filter((c) => c !== undefined && c !== null && c !== false && c !== ""));
  return e;
}

export const h = (tag, props, ...children) => element(document.createElement(tag), props, children);
export const svg = (tag, props, ...children) =>
  element(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);

// morph makes the children of one element those of another, and keeps what is the same: focus, what was
// typed, what is unfolded, and the place of the eye. A key tells what is the same when something comes before it
// or goes.
function morph(have, want) {
  const keys = new Set([...want.children].map((n) => n.dataset.key)), keyed = new Map();
  for (const o of [...have.children]) {
    if (!o.dataset.key) continue;
    if (keys.has(o.dataset.key)) keyed.set(o.dataset.key, o);
    else o.remove();
  }
  let at = have.firstChild;
  const drop = () => { const o = at; at = at.nextSibling; o.remove(); };
  for (const n of [...want.childNodes]) { // those that are taken over leave want
    const key = n.dataset?.key;
    while (keyed.has(key) && at && !at.dataset?.key) drop();
    const o = key ? keyed.get(key) : at?.dataset?.key ? undefined : at;
    if (o?.nodeName !== n.nodeName) {
      have.insertBefore(n, at);
      if (o && o === at) drop();
      continue;
    }
    if (o === at) at = at.nextSibling;
    else have.insertBefore(o, at);
    become(o, n);
  }
  while (at) drop();
}

function become(o, n) {
  if (n.nodeType === Node.TEXT_NODE) { if (o.data !== n.data) o.data = n.data; return; }
  for (const a of [...o.attributes]) {
    if (!n.hasAttribute(a.name) && a.name !== "open" && a.name !== "disabled") o.removeAttribute(a.name);
  }
  for (const a of n.attributes) if (o.getAttribute(a.name) !== a.value) o.setAttribute(a.name, a.value);
  if (!o.hasAttribute("data-kept")) morph(o, n);
}

export function draw(...children) {
  const view = location.hash.slice(1).split("/")[0] || "now";
  const want = h("main", {}, children);
  if (drawn === view) morph(main, want);
  else { main.replaceChildren(...want.childNodes); drawn = view; }
}

export const isDrawn = () => drawn !== "";

// ---- words for people

export const number = (n) => n.toLocaleString("en");
export const plural = (n, one, many = one + "s") => `${number(n)} ${n === 1 ? one : many}`;

export function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
  return `${i && n < 10 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}

export function span(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `${(seconds / 3600).toFixed(1)} h` : `${Math.round(seconds / 86400)} days`;
}

export function when(time) {
  const s = (new Date(time) - Date.now()) / 1000;
  if (s <= 0 && s > -5) return "just now";
  return s > 0 ? `in ${span(s)}` : `${span(-s)} ago`;
}

export const base = (path) => path.split(/[\\/]/).filter(Boolean).pop() ?? path;
export const clock = (time) => new Date(time).toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" });

// ---- pieces

export function button(text, act, data = {}, props = {}) {
  const attributes = Object.fromEntries(Object.entries(data).map(([k, v]) => [`data-${k}`, v]));
  return h("button", { type: "button", "data-act": act, ...attributes, ...props }, text);
}

// fix is a button when the API can do what helps, and else the line to copy.
export function fix(line) {
  if (!line) return undefined;
  const job = /^hoist (retry|resume|cancel|pause)(?: --wait)? ([0-9a-f]{8,})$/.exec(line);
  const names = { retry: "Try again", resume: "Go on", cancel: "Give up", pause: "Pause" };
  if (job) return button(names[job[1]], "job", { verb: job[1], id: job[2] }, { class: "main" });
  const all = /^hoist retry --reason ([a-z-]+)$/.exec(line);
  if (all) return button("Try all again", "all", { verb: "retry", reason: all[1] }, { class: "main" });
  const watch = /^hoist watch (resume|scan) ([0-9a-f]{8,})$/.exec(line);
  if (watch) return button(watch[1] === "scan" ? "Look now" : "Go on", "watch", { verb: watch[1], id: watch[2] }, { class: "main" });
  return [h("code", { class: "line" }, line), button("Copy", "copy", { text: line })];
}

export const section = (title, props, ...children) => h("section", props, h("h2", {}, title), children);

export const numbers = (list) => h("dl", { class: "numbers" },
  list.map(([name, n]) => h("div", {}, h("dt", {}, name), h("dd", {}, typeof n === "number" ? number(n) : n))));

export const field = (name, text, props = {}) => h("label", {}, text,
  h("input", { name, autocomplete: "off", spellcheck: "false", ...props }));
