// Keeps one part of the page fresh: <section id="live" data-live> is fetched again every 3 seconds while somebody looks.
// The server answers a request with `HX-Request` with that part alone.

import { announce } from "./console.js";

const SECONDS = 3;
const IDLE_SECONDS = 30;
const ACTIVE_FOR = 120;
const TIMEOUT = 15;

const region = document.querySelector("[data-live]");
const bar = document.getElementById("live-bar");

if (region && bar) start();

function start() {
  const line = bar.querySelector("[data-live-line]");
  const button = bar.querySelector("button");
  const words = bar.dataset;
  let paused = false;
  let updated = Date.now();
  let touched = Date.now();
  let failures = 0;
  let busy = false;
  let pressed = false;
  let due = Date.now() + SECONDS * 1000;

  bar.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? words.resume : words.pause;
    if (!paused) refresh();
    describe();
  });
  for (const name of ["pointermove", "keydown", "scroll"]) {
    document.addEventListener(name, () => { touched = Date.now(); }, { passive: true });
  }
  document.addEventListener("pointerdown", () => { pressed = true; });
  for (const name of ["pointerup", "pointercancel"]) {
    // The click comes after it.
    document.addEventListener(name, () => { setTimeout(() => { pressed = false; }); });
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden) due = 0; });
  setInterval(tick, 500);
  describe();

  function tick() {
    describe();
    if (paused || busy || document.hidden || inUse() || Date.now() < due) return;
    refresh();
  }

  // A list that changes under a selection, an open detail, a half-typed field or a click would lose it.
  function inUse() {
    const active = document.activeElement;
    return pressed
      || Boolean(region.querySelector("input[name=chosen]:checked"))
      || Boolean(region.querySelector("details[open]"))
      || (region.contains(active) && active.matches("input, select, textarea"));
  }

  async function refresh() {
    busy = true;
    try {
      const response = await fetch(location.href, {
        headers: { "HX-Request": "true" },
        cache: "no-store",
        signal: AbortSignal.timeout(TIMEOUT * 1000),
      });
      if (response.redirected) throw new Error(words.signedOut);
      if (!response.ok) throw new Error(`${words.failed} (${response.status})`);
      show(await response.text());
      updated = Date.now();
      failures = 0;
      line.dataset.problem = "";
    } catch (error) {
      failures += 1;
      line.dataset.problem = error.message === words.signedOut ? error.message : words.failed;
    } finally {
      busy = false;
      const idle = Date.now() - touched > ACTIVE_FOR * 1000;
      const seconds = failures ? Math.min(SECONDS * 2 ** failures, 60) : idle ? IDLE_SECONDS : SECONDS;
      due = Date.now() + seconds * 1000;
      describe();
    }
  }

  function show(html) {
    if (inUse()) return;
    const focused = region.contains(document.activeElement) ? document.activeElement.id : "";
    const before = region.querySelector("[data-live-summary]")?.dataset.liveSummary;
    region.innerHTML = html;
    if (window.htmx) window.htmx.process(region);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    const after = region.querySelector("[data-live-summary]")?.dataset.liveSummary;
    if (after && after !== before) announce(after);
    document.dispatchEvent(new CustomEvent("live:updated"));
  }

  function describe() {
    const problem = line.dataset.problem;
    bar.classList.toggle("stale", Boolean(problem));
    const seconds = Math.round((Date.now() - updated) / 1000);
    const age = words.updated.replace("{n}", seconds);
    line.textContent = problem ? `${problem} ${age}` : paused ? `${words.paused} ${age}` : inUse() ? `${words.waiting} ${age}` : age;
  }
}
