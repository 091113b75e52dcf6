// The text view: a plain textarea over a coloured copy of its text, in which errors are underlined.

import { Suggestions, asItem } from "./suggest.js";
import { symbol, symbols } from "./server.js";

// Only colours hang on this; what a rule means is known to the server alone.
const TOKENS = /([rdt]?"(?:[^"\\\n]|\\.)*"?|[rdt]?'(?:[^'\\\n]|\\.)*'?)|(#.*$)|\b(and|or|not|in|true|false)\b|(\$\w+|[A-Za-z]\w*)|(\d+(?:\.\d+)?)/gm;
const CLASSES = ["", "literal", "comment", "word", "name", "number"];
const NAME_BEFORE = /(?:^|[^\w"'.$])(\$?[A-Za-z]\w*|\$)$/;
// The list under a caret does not scroll: the keyboard could not reach what is scrolled.
const MOST = 6;
const VALUE_BEFORE = /([A-Za-z]\w*)\s*(?:==|!=|=~~?|!~~?|(?:not\s+)?in)\s*(?:\[[^\]"]*(?:"[^"]*"[^\]"]*)*)?"([^"\n]*)$/;

export class TextView {
  constructor(area, config, url, changed) {
    this.area = area;
    this.words = config.words;
    this.url = url;
    this.changed = changed;
    this.problems = [];
    this.mirror = area.parentElement.querySelector(".mirror");
    this.mirror.hidden = false;
    area.parentElement.classList.add("mirrored");
    this.suggestions = new Suggestions(area, config.words, (item) => this.insert(item));
    area.parentElement.append(this.suggestions.box);
    area.addEventListener("input", () => this.typed());
    area.addEventListener("scroll", () => this.follow());
    area.addEventListener("keydown", (event) => {
      if (event.ctrlKey && event.key === " ") { event.preventDefault(); this.suggest(true); }
    });
    new ResizeObserver(() => this.follow()).observe(area);
    this.draw();
  }

  get text() { return this.area.value; }

  set text(text) {
    if (text === this.area.value) return;
    this.area.value = text;
    this.draw();
  }

  typed() {
    this.problems = [];
    this.draw();
    this.changed();
    this.suggest(false);
  }

  // Underline what the server found; positions count Unicode characters, as Python does.
  mark(problems) {
    const units = unitsOf(this.text);
    this.problems = problems.map((each) => ({
      from: units(each.start),
      to: Math.max(units(each.end), units(each.start) + 1),
      warning: each.warning,
    }));
    const wrong = problems.some((each) => !each.warning);
    this.area.classList.toggle("is-invalid", wrong);
    if (wrong) this.area.setAttribute("aria-invalid", "true");
    else this.area.removeAttribute("aria-invalid");
    this.draw();
  }

  select(problem) {
    const units = unitsOf(this.text);
    this.area.focus();
    this.area.setSelectionRange(units(problem.start), units(problem.end));
  }

  replace(problem, text) {
    const units = unitsOf(this.text);
    this.area.focus();
    this.area.setRangeText(text, units(problem.start), units(problem.end), "end");
    this.typed();
    this.suggestions.close();
  }

  draw() {
    // A space at the end keeps the copy as high as the text when that ends with a line break.
    const text = `${this.text} `;
    const parts = [];
    let at = 0;
    for (const found of text.matchAll(TOKENS)) {
      const kind = CLASSES[found.findIndex((part, place) => place > 0 && part !== undefined)];
      parts.push([at, found.index, ""], [found.index, found.index + found[0].length, kind]);
      at = found.index + found[0].length;
    }
    parts.push([at, text.length, ""]);
    this.mirror.replaceChildren(...parts.flatMap(([from, to, kind]) => this.pieces(text, from, to, kind)));
    this.follow();
  }

  pieces(text, from, to, kind) {
    const cuts = new Set([from, to]);
    for (const each of this.problems) for (const cut of [each.from, each.to]) if (cut > from && cut < to) cuts.add(cut);
    const places = [...cuts].sort((a, b) => a - b);
    return places.slice(0, -1).filter((start, n) => places[n + 1] > start).map((start, n) => {
      const span = document.createElement("span");
      const wrong = this.problems.find((each) => each.from <= start && each.to > start);
      span.className = [kind && `token-${kind}`, wrong && (wrong.warning ? "odd" : "wrong")].filter(Boolean).join(" ");
      span.textContent = text.slice(start, places[n + 1]);
      return span;
    });
  }

  follow() {
    this.mirror.scrollTop = this.area.scrollTop;
    this.mirror.scrollLeft = this.area.scrollLeft;
    const { style } = this.mirror;
    style.height = `${this.area.offsetHeight}px`;
    // Without the scroll bar that the text may have, lines break at the same places.
    style.width = `${this.area.clientWidth + 2}px`;
  }

  async suggest(asked) {
    const before = this.text.slice(0, this.area.selectionStart);
    const value = VALUE_BEFORE.exec(before);
    const name = NAME_BEFORE.exec(before)?.[1] ?? "";
    const quotes = before.split("\n").pop().split('"').length - 1;
    let items = [];
    try {
      if (value) items = await this.values(value[1], value[2]);
      else if (quotes % 2 === 0 && (name.length > 1 || asked)) {
        items = (await symbols(this.url, name)).slice(0, MOST).map((each) => asItem(each, this.words));
        if (items.length === 1 && items[0].title === name) items = [];
      }
    } catch {
      // Without suggestions one can still write; the check of the text says when the console is away.
      items = [];
    }
    if (before !== this.text.slice(0, this.area.selectionStart)) return;
    this.range = [before.length - (value ? value[2].length : name.length), before.length];
    this.suggestions.show(items);
    if (items.length) this.place();
  }

  async values(field, typed) {
    const found = await symbol(this.url, field);
    const samples = (found?.samples ?? []).filter((each) => each.toLowerCase().startsWith(typed.toLowerCase()) && each !== typed);
    return samples.slice(0, MOST).map((each) => ({ title: each }));
  }

  // Put the list under the caret, which only the copy of the text can tell the place of.
  place() {
    const range = document.createRange();
    let left = this.range[0];
    const walk = document.createTreeWalker(this.mirror, NodeFilter.SHOW_TEXT);
    while (walk.nextNode() && left > walk.currentNode.length) left -= walk.currentNode.length;
    range.setStart(walk.currentNode, Math.min(left, walk.currentNode.length));
    const [caret, frame] = [range.getBoundingClientRect(), this.area.parentElement.getBoundingClientRect()];
    const { style } = this.suggestions.box;
    style.left = `${Math.max(0, Math.min(caret.left - frame.left, frame.width - 260))}px`;
    style.top = `${caret.bottom - frame.top + 4}px`;
  }

  insert(item) {
    this.area.setRangeText(item.title, ...this.range, "end");
    this.typed();
    this.suggestions.close();
  }
}

// From Unicode characters to the units in which JavaScript counts.
function unitsOf(text) {
  const characters = [...text];
  return (count) => characters.slice(0, count).join("").length;
}
