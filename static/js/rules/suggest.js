// A list of suggestions below an input or at a caret: arrow keys choose, Enter takes, Escape closes.

import { announce } from "../console.js";

let count = 0;

export class Suggestions {
  // `take` gets the chosen item; `owner` is the input, which keeps the focus.
  constructor(owner, words, take) {
    this.owner = owner;
    this.words = words;
    this.take = take;
    this.items = [];
    this.active = -1;
    this.box = document.createElement("ul");
    this.box.className = "suggestions";
    this.box.id = `suggestions-${(count += 1)}`;
    this.box.setAttribute("role", "listbox");
    this.box.setAttribute("aria-label", words.field);
    this.box.hidden = true;
    owner.setAttribute("aria-controls", this.box.id);
    owner.setAttribute("aria-autocomplete", "list");
    owner.addEventListener("keydown", (event) => this.press(event));
    owner.addEventListener("blur", () => this.close());
    this.box.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) this.accept(Number(option.dataset.place));
    });
  }

  get open() { return !this.box.hidden; }

  // Each item has `title`, and may have `note` and `values`.
  show(items) {
    if (!items.length) return this.close();
    const before = this.items.map((each) => each.title).join("\n");
    const chosen = this.items[this.active]?.title;
    this.items = items;
    this.active = -1;
    this.owner.removeAttribute("aria-activedescendant");
    this.box.replaceChildren(...items.map((item, place) => this.option(item, place)));
    this.box.hidden = false;
    if (this.owner.getAttribute("role") === "combobox") this.owner.setAttribute("aria-expanded", "true");
    if (before !== items.map((each) => each.title).join("\n")) {
      announce(this.words.found.replace("{n}", items.length));
    }
    // What was chosen stays chosen when the server's answer comes after the arrow key.
    const place = items.findIndex((each) => each.title === chosen);
    if (place >= 0) this.choose(place);
  }

  // Until the server has answered, only what still fits may be chosen.
  narrow(typed) {
    const wanted = typed.toLowerCase();
    this.show(this.items.filter((each) => each.title.toLowerCase().includes(wanted)));
  }

  option(item, place) {
    const option = document.createElement("li");
    option.id = `${this.box.id}-${place}`;
    option.dataset.place = place;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    for (const [name, text] of [["title", item.title], ["note", item.note], ["values", item.values]]) {
      if (!text) continue;
      const part = document.createElement("span");
      part.className = `suggestion-${name}`;
      part.textContent = text;
      option.append(part);
    }
    return option;
  }

  close() {
    this.box.hidden = true;
    this.items = [];
    this.active = -1;
    this.owner.removeAttribute("aria-activedescendant");
    if (this.owner.getAttribute("role") === "combobox") this.owner.setAttribute("aria-expanded", "false");
  }

  press(event) {
    if (!this.open) return;
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) {
      event.preventDefault();
      const from = this.active < 0 && event.key === "ArrowUp" ? 0 : this.active;
      this.choose((from + steps[event.key] + this.items.length) % this.items.length);
    } else if ((event.key === "Enter" || event.key === "Tab") && this.active >= 0) {
      event.preventDefault();
      event.stopImmediatePropagation();
      this.accept(this.active);
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.close();
    }
  }

  choose(place) {
    this.active = place;
    for (const [index, option] of [...this.box.children].entries()) {
      option.setAttribute("aria-selected", String(index === place));
    }
    const option = this.box.children[place];
    this.owner.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  accept(place) {
    const item = this.items[place];
    this.close();
    this.take(item);
  }
}

// A name of the server as a suggestion.
export function asItem(symbol, words) {
  const kind = symbol.list ? `${symbol.type} […]` : symbol.type;
  const about = [symbol.tag, symbol.vr && `${symbol.vr} ${symbol.vm}`, kind, symbol.description, symbol.seen && words.seen];
  return {
    title: symbol.name,
    note: about.filter(Boolean).join(" · "),
    values: symbol.samples.slice(0, 5).join(", "),
    symbol,
  };
}
