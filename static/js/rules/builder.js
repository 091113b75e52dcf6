// The visual builder: groups, rows and chips, all moved by drag or by buttons. It knows nothing of the language:
// it gives a tree to the server, and draws the tree that it gets back.

import { announce } from "../console.js";
import { symbol, symbols } from "./server.js";
import { chipOfText, find, fromTree, group, inputOf, isGroup, kindOf, put, row, step, toTree } from "./shapes.js";
import { Suggestions, asItem } from "./suggest.js";

const KINDS = ["all", "any", "none", "notall"];
const INPUTS = { number: "text", date: "date", datetime: "datetime-local", time: "time", days: "number", text: "text" };

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (attribute.startsWith("on")) made.addEventListener(attribute.slice(2), value);
    else if (value === true) made.setAttribute(attribute, "");
    else if (value !== false && value !== null) made.setAttribute(attribute, value);
  }
  made.append(...children);
  return made;
}

export class Builder {
  // `changed(tree)` is called after each edit, with undefined while something is missing, with null for no condition;
  // `textOf(tree)` promises the text of a tree.
  constructor(root, config, url, changed, textOf) {
    this.root = root;
    this.words = config.words;
    this.operators = config.operators;
    this.url = url;
    this.changed = changed;
    this.textOf = textOf;
    this.tree = group("all");
    root.addEventListener("keydown", (event) => this.press(event));
    root.addEventListener("dragover", (event) => this.dragOver(event));
    root.addEventListener("drop", (event) => this.drop(event));
    root.addEventListener("dragend", () => this.unmark());
  }

  load(tree) {
    this.tree = fromTree(tree, this.operators);
    this.draw();
  }

  loadNothing() {
    this.tree = group("all");
    this.draw();
  }

  loadText(text) {
    this.tree = chipOfText(text);
    this.draw();
  }

  changedNow() {
    const tree = toTree(this.tree, this.operators);
    this.changed(tree === null && this.tree.everything ? { value: true, type: "boolean" } : tree);
  }

  draw(focus = null) {
    this.root.replaceChildren(this.group(this.tree, true));
    const wanted = focus && this.root.querySelector(focus);
    (wanted || (focus && this.root.querySelector("button")))?.focus();
  }

  edited(focus) {
    this.draw(focus);
    this.changedNow();
  }

  // Groups

  group(part, isRoot = false) {
    const { words } = this;
    const select = element("select", {
      class: "form-select", "aria-label": words.groupKind, "data-role": "kind",
      onchange: (event) => { part.kind = event.target.value; this.changedNow(); },
    }, ...KINDS.map((kind) => element("option", { value: kind, selected: kind === part.kind }, words[kind])));
    const head = element("div", { class: "builder-head" }, select, ...(isRoot ? [] : [this.moves(part, true)]));
    const list = element("ol", { class: "builder-parts" }, ...part.parts.map((each) => this.item(each)));
    const nothing = isRoot ? (part.everything ? words.everyStudy : words.noCondition) : words.emptyGroup;
    const empty = element("p", { class: "muted small" }, nothing);
    const add = element("div", { class: "builder-add" },
      this.button("plus", words.addCondition, () => this.add(part, row()), "add"),
      this.button("plus", words.addGroup, () => this.add(part, group("any", [row()])), "add-group"));
    if (isRoot && !part.parts.length && !part.everything) {
      add.append(this.button("plus", words.matchAll, () => this.everything(), "everything"));
    }
    return element("fieldset", { class: "builder-group", "data-key": part.key },
      element("legend", { class: "visually-hidden" }, words.groupKind), head, part.parts.length ? list : empty, add);
  }

  item(part) {
    const inner = isGroup(part) ? this.group(part) : part.kind === "chip" ? this.chip(part) : this.row(part);
    return element("li", { class: "builder-part", "data-key": part.key }, this.handle(part), inner);
  }

  handle(part) {
    return element("span", {
      class: "builder-handle", draggable: "true", title: this.words.drag, "aria-hidden": "true",
      ondragstart: (event) => {
        event.dataTransfer.setData("application/x-rule-part", part.key);
        event.dataTransfer.effectAllowed = "move";
        this.dragged = part.key;
      },
    }, "⠿");
  }

  button(sign, label, act, role) {
    const signs = { plus: "+", up: "↑", down: "↓", wrap: "{ }", unwrap: "↥", remove: "×" };
    const withText = sign === "plus";
    return element("button", {
      type: "button", class: `btn btn-sm${withText ? "" : " btn-icon-only"}`, "data-role": role, onclick: act,
      ...(withText ? {} : { title: label, "aria-label": label }),
    }, element("span", { "aria-hidden": "true" }, signs[sign]), withText ? ` ${label}` : "");
  }

  moves(part, isBlock = false) {
    const { words } = this;
    return element("span", { class: "builder-moves" },
      this.button("up", words.up, () => this.move(part, false), "up"),
      this.button("down", words.down, () => this.move(part, true), "down"),
      isBlock
        ? this.button("unwrap", words.unwrap, () => this.unwrap(part), "unwrap")
        : this.button("wrap", words.wrap, () => this.wrap(part), "wrap"),
      this.button("remove", words.remove, () => this.remove(part), "remove"));
  }

  // Rows and chips

  chip(part) {
    const code = element("code", {}, part.text || "…");
    if (part.tree && !part.text) {
      this.textOf(part.tree).then((text) => { part.text = text; code.textContent = text; });
    }
    const note = part.tree ? this.words.chip : this.words.broken;
    return element("div", { class: "builder-chip", role: "group", "aria-label": note, title: note }, code,
      element("span", { class: "muted small" }, note), ...(part.tree ? [this.moves(part)] : []));
  }

  row(part) {
    const line = element("div", { class: "builder-row", role: "group" });
    line.append(this.fieldInput(part), this.operatorSelect(part), this.valueInput(part), this.moves(part));
    return line;
  }

  fieldInput(part) {
    const input = element("input", {
      class: "form-control", role: "combobox", "aria-expanded": "false", "aria-label": this.words.field, "data-role": "field",
      value: part.field, autocomplete: "off", spellcheck: "false", required: true, placeholder: this.words.field,
    });
    const suggestions = new Suggestions(input, this.words, (item) => {
      input.value = item.symbol.name;
      this.choose(part, item.symbol, input);
    });
    const look = async () => {
      const asked = input.value.trim();
      suggestions.narrow(asked);
      const found = await symbols(this.url, asked).catch(() => []);
      if (asked === input.value.trim() && document.activeElement === input) {
        suggestions.show(found.slice(0, 12).map((each) => asItem(each, this.words)));
      }
    };
    input.addEventListener("input", look);
    input.addEventListener("focus", () => { if (!input.value) look(); });
    input.addEventListener("change", async () => {
      const found = await symbol(this.url, input.value.trim()).catch(() => null);
      if (found) this.choose(part, found, input);
      else input.setCustomValidity(this.words.chooseField);
    });
    return element("span", { class: "builder-field" }, input, suggestions.box);
  }

  choose(part, found, input) {
    input.setCustomValidity("");
    if (part.field === found.name) return;
    const same = kindOf(part) === kindOf(found);
    Object.assign(part, { field: found.name, type: found.type, list: found.list, samples: found.samples });
    if (!same || !part.operator) {
      part.operator = this.operatorsOf(part)[0]?.id ?? "";
      if (!same) part.value = "";
      part.literal = undefined;
    }
    this.edited(`[data-key="${part.key}"] [data-role=operator]`);
  }

  operatorsOf(part) {
    return this.operators.filter((each) => each.kinds.includes(kindOf(part)));
  }

  operatorSelect(part) {
    const known = part.field ? this.operatorsOf(part) : [];
    return element("select", {
      class: "form-select", "aria-label": this.words.operator, "data-role": "operator", disabled: !known.length,
      onchange: (event) => {
        part.operator = event.target.value;
        this.edited(`[data-key="${part.key}"] [data-role=operator]`);
      },
    }, ...known.map((each) => element("option", { value: each.id, selected: each.id === part.operator }, each.words)));
  }

  valueInput(part) {
    const operator = this.operators.find((each) => each.id === part.operator);
    const kind = inputOf(part, operator);
    const labels = { lines: this.words.values, days: this.words.days };
    const attributes = {
      class: "form-control", "data-role": "value", "aria-label": labels[kind] ?? this.words.value, required: true, spellcheck: "false",
      oninput: (event) => { part.value = event.target.value; this.changedNow(); },
    };
    if (kind === "lines") {
      const area = element("textarea", { ...attributes, rows: Math.max(2, part.value.split("\n").length), placeholder: this.words.values });
      area.value = part.value;
      return element("span", { class: "builder-value" }, area);
    }
    const samples = element("datalist", { id: `samples-${part.key}` });
    const input = element("input", {
      ...attributes, type: INPUTS[kind] ?? "text", list: samples.id, autocomplete: "off", placeholder: this.words.value,
      ...(kind === "number" ? { inputmode: "decimal", pattern: "[-+]?[0-9]*\\.?[0-9]+([eE][-+]?[0-9]+)?" } : {}),
      ...(kind === "days" ? { min: "0", step: "1" } : {}),
    });
    input.value = part.value;
    this.fillSamples(part, samples);
    return element("span", { class: "builder-value" }, input, samples);
  }

  async fillSamples(part, list) {
    if (!part.field) return;
    const found = await symbol(this.url, part.field).catch(() => null);
    list.replaceChildren(...(found?.samples ?? []).map((each) => element("option", { value: each })));
  }

  // Changes of the structure; each keeps the focus at what was changed and says what happened.

  everything() {
    this.tree.everything = true;
    this.edited("[data-role=add]");
  }

  add(part, made) {
    this.tree.everything = false;
    part.parts.push(made);
    announce(this.words.added);
    this.edited(`[data-key="${made.key}"] [data-role=field]`);
  }

  remove(part) {
    const { parent, place } = find(this.tree, part.key);
    parent.parts.splice(place, 1);
    const next = parent.parts[Math.min(place, parent.parts.length - 1)];
    announce(this.words.removed);
    this.edited(next ? `[data-key="${next.key}"] [data-role=remove]` : `[data-key="${parent.key}"] > .builder-add [data-role=add]`);
  }

  wrap(part) {
    const { parent, place } = find(this.tree, part.key);
    parent.parts.splice(place, 1, group("any", [part]));
    this.edited(`[data-key="${part.key}"] [data-role=wrap]`);
  }

  unwrap(part) {
    const { parent, place } = find(this.tree, part.key);
    parent.parts.splice(place, 1, ...part.parts);
    const first = part.parts[0];
    this.edited(first ? `[data-key="${first.key}"] [data-role=up]` : "[data-role=add]");
  }

  move(part, down) {
    step(this.tree, part.key, down);
    this.moved(part.key, `[data-key="${part.key}"] [data-role=${down ? "down" : "up"}]`);
  }

  moved(key, focus) {
    const { parent, place } = find(this.tree, key);
    announce(this.words.moved.replace("{n}", place + 1).replace("{of}", parent.parts.length));
    this.edited(focus);
  }

  press(event) {
    const key = event.target.closest(".builder-part")?.dataset.key;
    const down = { ArrowDown: true, ArrowUp: false }[event.key];
    if (event.altKey && key && down !== undefined) {
      event.preventDefault();
      step(this.tree, key, down);
      this.moved(key, `[data-key="${key}"] [data-role=${event.target.dataset.role ?? "up"}]`);
    } else if (event.key === "Enter" && event.target.matches("input")) {
      // Enter in a field would send the form away.
      event.preventDefault();
    }
  }

  // Dragging

  place(event) {
    const over = event.target.closest(".builder-part, .builder-group");
    if (!over || !this.dragged) return null;
    if (over.matches(".builder-group")) {
      const { part } = find(this.tree, over.dataset.key);
      return part.parts.length ? null : { over, where: "into" };
    }
    const { top, height } = over.getBoundingClientRect();
    return { over, where: event.clientY < top + height / 2 ? "before" : "after" };
  }

  dragOver(event) {
    const found = this.place(event);
    this.unmark();
    if (!found) return;
    event.preventDefault();
    found.over.classList.add(`drop-${found.where}`);
  }

  drop(event) {
    const found = this.place(event);
    this.unmark();
    if (!found) return;
    event.preventDefault();
    const { dragged } = this;
    this.dragged = null;
    if (put(this.tree, dragged, found.over.dataset.key, found.where)) {
      this.moved(dragged, `[data-key="${dragged}"] [data-role=up]`);
    }
  }

  unmark() {
    for (const each of this.root.querySelectorAll(".drop-before, .drop-after, .drop-into")) {
      each.classList.remove("drop-before", "drop-after", "drop-into");
    }
  }
}
