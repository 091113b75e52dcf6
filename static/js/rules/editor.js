// The rule editor: builder and text are two views of what the server says of one rule.
// The text is what the form sends; without this script it is all there is, with a button that checks it.

import { announce } from "../console.js";
import { Builder } from "./builder.js";
import { keepDraft } from "./draft.js";
import { post } from "./server.js";
import { TextView } from "./text.js";
import { watchTest } from "./test.js";

const DELAY = 200;
const editor = document.getElementById("rule-editor");
if (editor) start(editor);

function start(root) {
  const config = JSON.parse(root.dataset.config);
  const { words } = config;
  const { parse, symbols } = root.dataset;
  const area = root.querySelector("textarea");
  const check = document.getElementById("check");
  const views = { builder: document.getElementById("view-builder"), text: document.getElementById("view-text") };
  const tabs = { builder: document.getElementById("tab-builder"), text: document.getElementById("tab-text") };
  const said = new Map();
  let asked = 0;
  let timer = 0;
  let parsed = null;
  let drawn = null;

  const test = watchTest(area.form);
  const note = area.form.dataset.user ? keepDraft(area.form, words, () => {
    area.dispatchEvent(new Event("input"));
    tabs.text.click();
  }) : () => {};
  const text = new TextView(area, config, symbols, () => later({ text: area.value }));
  const builder = new Builder(views.builder, config, symbols, (tree) => {
    if (tree === null) clear();
    else if (tree !== undefined) later({ tree });
  }, textOf);
  // What the form misses is shown where it can be typed.
  area.addEventListener("invalid", () => { if (views.text.hidden) tabs.text.click(); });

  tabs.text.closest("[role=tablist]").hidden = false;
  views.text.setAttribute("role", "tabpanel");
  views.text.setAttribute("aria-labelledby", "tab-text");
  const button = area.form.querySelector("[name=check]");
  if (button) button.hidden = true;
  for (const [name, tab] of Object.entries(tabs)) {
    new MutationObserver(() => { if (tab.getAttribute("aria-selected") === "true") shown(name); })
      .observe(tab, { attributeFilter: ["aria-selected"] });
  }
  if (root.dataset.view === "builder") tabs.builder.click();
  else ask({ text: area.value });

  function later(body) {
    clearTimeout(timer);
    timer = setTimeout(() => ask(body), DELAY);
  }

  async function ask(body) {
    const mine = (asked += 1);
    if (body.text !== undefined && !body.text.trim()) return show(null);
    let answer;
    try {
      answer = await post(parse, body);
    } catch {
      if (mine === asked) sayUnreachable();
      return;
    }
    if (mine !== asked) return;
    if (body.tree && answer.text) {
      text.text = answer.text;
      drawn = answer.text;
    }
    show(answer);
  }

  function clear() {
    clearTimeout(timer);
    asked += 1;
    text.text = "";
    drawn = "";
    show(null);
  }

  async function textOf(tree) {
    const key = JSON.stringify(tree);
    if (!said.has(key)) said.set(key, post(parse, { tree }).then((answer) => answer.text).catch(() => "…"));
    return said.get(key);
  }

  // Going to the builder draws what the text says now, unless that came from the builder itself.
  function shown(name) {
    views.builder.toggleAttribute("inert", name !== "builder");
    for (const control of views.builder.querySelectorAll("fieldset")) control.disabled = name !== "builder";
    if (name === "text") { text.draw(); return; }
    clearTimeout(timer);
    ask({ text: area.value }).then(draw);
  }

  function draw() {
    if (drawn !== null && drawn === area.value && views.builder.childElementCount) return;
    if (!area.value.trim()) builder.loadNothing();
    else if (parsed?.tree) builder.load(parsed.tree);
    else builder.loadText(area.value);
    drawn = area.value;
  }

  function show(answer) {
    const before = parsed?.errors.length ?? 0;
    parsed = answer;
    const errors = answer?.errors ?? [];
    const warnings = (answer?.warnings ?? []).map((each) => ({ ...each, warning: true }));
    text.mark(area.value === answer?.text ? [...errors, ...warnings] : errors);
    check.replaceChildren(...(answer ? parts(errors, warnings, answer.sentence) : [paragraph("muted", words.nothing)]));
    if (errors.length !== before) announce(errors.length ? words.errors.replace("{n}", errors.length) : words.correct);
    test.refresh();
    note();
  }

  function parts(errors, warnings, sentence) {
    const made = [...errors, ...warnings].map(problem);
    return sentence ? [paragraph("sentence", sentence), ...made] : made;
  }

  function problem(each) {
    const notice = document.createElement("div");
    notice.className = `notice ${each.warning ? "notice-warning" : "notice-error"}`;
    const line = document.createElement("button");
    line.type = "button";
    line.className = "problem-place";
    line.textContent = words.line.replace("{line}", each.line).replace("{column}", each.column);
    line.addEventListener("click", () => { tabs.text.click(); text.select(each); });
    const inner = document.createElement("div");
    inner.append(line, ` ${each.message} `);
    if (each.suggestion) {
      const fix = document.createElement("button");
      fix.type = "button";
      fix.className = "btn btn-sm";
      fix.textContent = words.suggestion.replace("{text}", each.suggestion);
      fix.addEventListener("click", () => { tabs.text.click(); text.replace(each, each.suggestion); });
      inner.append(fix);
    }
    notice.append(inner);
    return notice;
  }

  function paragraph(kind, content) {
    const made = document.createElement("p");
    made.className = kind;
    made.textContent = content;
    return made;
  }

  function sayUnreachable() {
    check.replaceChildren(problem({ warning: true, line: 1, column: 1, start: 0, end: 0, message: words.unreachable }));
  }
}
