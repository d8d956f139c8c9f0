// The guide: which scopes, APIs and steps the chosen actions need.

import { button, draw, get, h, plural, section } from "./lib.js";

export const guide = { chosen: undefined, answer: undefined, separator: " " };

export async function findGuide() {
  const chosen = location.hash.split("/")[1] ?? "";
  if (guide.chosen === chosen) return;
  guide.answer = await get(`guide.json?actions=${encodeURIComponent(decodeURIComponent(chosen))}`);
  guide.chosen = chosen;
}

function asText(g) {
  return [`Scopes: ${g.scopes.join(" ")}`, "", ...g.apis.map((a) => `API: ${a}`), "", ...g.prerequisites.map((p) => `- ${p}`),
    ...g.steps.flatMap((s, i) => ["", `${i + 1}. ${s.title} (${s.who})`, ...s.do.map((d) => `   - ${d}`)])].join("\n");
}

export function guideView() {
  if (!guide.answer) { draw(h("p", { class: "quiet" }, "Loading…")); return; }
  const { all, guide: g } = guide.answer;
  const actions = decodeURIComponent(guide.chosen ?? "");
  const chosen = new Set(actions.split(",").filter(Boolean));
  const families = [...new Set(all.map((a) => a.family))];
  draw(h("h1", {}, "What has to be set up"),
    h("p", { class: "lead" }, `${chosen.size ? plural(chosen.size, "action") + " chosen" : "All actions"}. The address keeps the choice; save it as a page, or copy the steps, for your administrator.`),
    h("div", { class: "acts", "data-key": "take" }, h("a", { class: "button main", href: `guide.html?actions=${encodeURIComponent(actions)}`, download: "hoist-guide.html" }, "Save as a page"),
      button("Copy the steps", "copy", { text: asText(g) }), chosen.size > 0 && h("a", { href: "#guide" }, "All actions")),
    section("Actions", { "data-key": "actions" }, h("div", { class: "families" }, families.map((f) => h("fieldset", {}, h("legend", {}, f),
      all.filter((a) => a.family === f).map((a) => h("label", { class: "tick" },
        h("input", { type: "checkbox", "data-change": "action", value: a.name, checked: chosen.has(a.name) }), a.title)))))),
    section("Scopes", { "data-key": "scopes" }, h("p", { class: "scopes" }, h("code", {}, g.scopes.join(guide.separator) || "none")),
      h("div", { class: "acts" }, button("Copy", "copy", { text: g.scopes.join(guide.separator) }),
        h("label", { class: "tick" }, "Separator", h("select", { "data-change": "separator" }, [[" ", "space"], [",", "comma"], ["\n", "line"]]
          .map(([v, name]) => h("option", { value: v, selected: v === guide.separator }, name)))))),
    g.apis.length > 0 && section("APIs to enable", { "data-key": "apis" }, h("ul", {}, g.apis.map((a) => h("li", {}, a)))),
    section("Before you begin", { "data-key": "before" }, h("ul", {}, g.prerequisites.map((p) => h("li", {}, p)))),
    section("Steps", { "data-key": "steps" }, g.steps.map((s, i) => h("div", {}, h("h3", {}, `${i + 1}. ${s.title}`, h("span", { class: "quiet" }, ` for ${s.who}`)), h("ul", {}, s.do.map((d) => h("li", {}, d)))))));
}
