// Small conveniences of every page. Each page works without them.

const text = (name) => document.body.dataset[name];

// Copy buttons are hidden in the HTML, because without this script they could do nothing.
function showCopyButtons(root) {
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
}

async function copy(button) {
  const area = document.createElement("textarea");
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(button.dataset.copy);
    } else {
      // The clipboard API exists only over https; a console on a plain-http intranet still copies.
      area.value = button.dataset.copy;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      button.focus();
    }
    button.classList.add("done");
    announce(text("copied"));
    setTimeout(() => button.classList.remove("done"), 2000);
  } finally {
    area.remove();
  }
}

export function announce(message) {
  document.getElementById("announcer").textContent = message;
}

// Fields that belong to certain values of a choice: <div data-when="kind" data-is="peer dicomweb">
function showMatchingFields(form) {
  for (const part of form.querySelectorAll("[data-when]")) {
    const chosen = new FormData(form).get(part.dataset.when);
    part.hidden = !part.dataset.is.split(" ").includes(chosen);
  }
}

function updateSelection(list) {
  const boxes = [...list.querySelectorAll("input[name=chosen]")];
  const count = boxes.filter((box) => box.checked).length;
  for (const box of boxes) box.closest("tr").classList.toggle("chosen", box.checked);
  const all = list.querySelector("[data-choose-all]");
  if (all) {
    all.checked = count > 0 && count === boxes.length;
    all.indeterminate = count > 0 && count < boxes.length;
  }
  const bar = document.getElementById("bulk");
  if (!bar) return;
  bar.hidden = count === 0;
  for (const part of bar.querySelectorAll("[data-count]")) part.textContent = count;
}

function refresh(root) {
  showCopyButtons(root);
  for (const form of document.querySelectorAll("form[data-dependent]")) showMatchingFields(form);
  for (const list of document.querySelectorAll("[data-selectable]")) updateSelection(list);
}

let lastBox = null;
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);

  const toggle = event.target.closest(".rail-toggle");
  if (toggle) {
    const open = toggle.closest(".rail").classList.toggle("open");
    toggle.setAttribute("aria-expanded", String(open));
  }

  const tab = event.target.closest("[role=tab]");
  if (tab) choose(tab);

  const box = event.target.closest("input[name=chosen]");
  if (box) {
    if (event.shiftKey && lastBox?.isConnected) {
      const boxes = [...document.querySelectorAll("input[name=chosen]")];
      const [from, to] = [boxes.indexOf(lastBox), boxes.indexOf(box)].sort((a, b) => a - b);
      for (const other of boxes.slice(from, to + 1)) other.checked = box.checked;
    }
    lastBox = box;
  }
});

document.addEventListener("change", (event) => {
  const all = event.target.closest("[data-choose-all]");
  const list = event.target.closest("[data-selectable]");
  if (all) for (const box of list.querySelectorAll("input[name=chosen]")) box.checked = all.checked;
  if (list) updateSelection(list);
  const form = event.target.closest("form[data-dependent]");
  if (form) showMatchingFields(form);
});

// A double click must not do a thing twice, such as sending studies.
const onTheWay = new WeakSet();
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || form.hasAttribute("hx-post")) return;
  if (onTheWay.has(form)) event.preventDefault();
  else if (!event.defaultPrevented) onTheWay.add(form);
});
// The browser may show the page again as it was left.
window.addEventListener("pageshow", () => {
  for (const form of document.forms) onTheWay.delete(form);
});

// Tabs: arrow keys move between them, as ARIA's authoring practices ask for.
function choose(tab) {
  for (const other of tab.closest("[role=tablist]").querySelectorAll("[role=tab]")) {
    const selected = other === tab;
    other.setAttribute("aria-selected", String(selected));
    other.tabIndex = selected ? 0 : -1;
    document.getElementById(other.getAttribute("aria-controls")).hidden = !selected;
  }
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    const search = document.getElementById("search");
    if (!search) return;
    event.preventDefault();
    const rail = search.closest(".rail");
    rail.classList.add("open");
    rail.querySelector(".rail-toggle").setAttribute("aria-expanded", "true");
    search.focus();
    search.select();
  }
  const tab = event.target.closest?.("[role=tab]");
  if (tab && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
    const tabs = [...tab.closest("[role=tablist]").querySelectorAll("[role=tab]")];
    const step = event.key === "ArrowRight" ? 1 : -1;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    choose(next);
    next.focus();
  }
});

// A request that fails must say so where the user looks, never only in the developer tools.
function reportFailure(event) {
  const target = event.detail.target;
  if (target) target.textContent = text("requestFailed");
}
document.addEventListener("htmx:responseError", reportFailure);
document.addEventListener("htmx:sendError", reportFailure);
document.addEventListener("htmx:timeout", reportFailure);
document.addEventListener("htmx:afterSettle", () => refresh(document));
document.addEventListener("live:updated", () => refresh(document));

refresh(document);
for (const tab of document.querySelectorAll("[role=tab][aria-selected=true]")) choose(tab);

// On a phone, filters would take the first screen: they fold behind their name, and the chips below tell which are active.
const phone = matchMedia("(max-width: 40rem)");
for (const form of document.querySelectorAll("form.filters")) {
  const fold = document.createElement("details");
  const summary = document.createElement("summary");
  fold.className = "filters-fold";
  summary.textContent = form.getAttribute("aria-label");
  // Not form.before(): a filter may have a field of that name, which hides the method.
  form.parentNode.insertBefore(fold, form);
  fold.append(summary, form);
  const arrange = () => { fold.open = !phone.matches; };
  phone.addEventListener("change", arrange);
  arrange();
}
