// The panel beside the editor: it follows what is typed, keeps open what was opened, and takes a dropped file.

import { post } from "./server.js";

const DELAY = 250;
const HEAD = 1024 * 1024;

export function watchTest(form) {
  const panel = document.getElementById("tried");
  const tags = document.getElementById("id_tags");
  const find = document.getElementById("id_find");
  // Where a condition is for something else than a rule, there is nothing to test it on.
  if (!panel) return { refresh() {} };
  let timer = 0;
  let open = [];

  const refresh = () => {
    clearTimeout(timer);
    timer = setTimeout(() => window.htmx.trigger(panel, "rule-try"), DELAY);
  };

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target !== panel) return;
    open = [...panel.querySelectorAll("details")].map((each) => [each.id, each.open]);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== panel) return;
    for (const [id, wasOpen] of open) {
      const details = document.getElementById(id);
      if (details) details.open = wasOpen;
    }
  });
  tags.addEventListener("input", refresh);
  find.addEventListener("input", refresh);
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    refresh();
  });
  form.addEventListener("change", (event) => {
    if (["level", "nodes"].includes(event.target.name)) refresh();
  });
  takeFiles(tags, refresh);
  return { refresh };
}

function takeFiles(tags, refresh) {
  const drop = document.getElementById("drop");
  const note = document.getElementById("file-note");
  const input = drop.querySelector("[type=file]");
  drop.querySelector("[data-without-script]").hidden = true;

  const read = async (file) => {
    const body = new FormData();
    // The tags stand in front of the pixels; a whole study of images need not travel.
    body.append("file", file.slice(0, HEAD), "file.dcm");
    try {
      const answer = await post(drop.action, body);
      note.textContent = answer.problem || answer.note;
      if (answer.problem) return;
      tags.value = answer.tags;
      refresh();
    } catch {
      note.textContent = document.body.dataset.requestFailed;
    }
  };

  input.addEventListener("change", () => { if (input.files.length) read(input.files[0]); });
  const panel = drop.closest(".panel");
  panel.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    drop.classList.add("over");
  });
  panel.addEventListener("dragleave", () => drop.classList.remove("over"));
  panel.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    drop.classList.remove("over");
    document.getElementById("by-hand").open = true;
    read(event.dataTransfer.files[0]);
  });
}
