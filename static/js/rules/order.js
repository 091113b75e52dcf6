// Dragging rows of the list of rules. The buttons of each row do the same without a mouse, and without this script.

const table = document.querySelector("[data-ordered]");
if (table) start(table);

function start(list) {
  const body = list.tBodies[0];
  let dragged = null;

  const clear = () => {
    for (const row of body.rows) row.classList.remove("drop-before", "drop-after");
  };

  const place = (event) => {
    const over = event.target.closest("tr");
    if (!dragged || !over || over === dragged) return null;
    const { top, height } = over.getBoundingClientRect();
    return { over, after: event.clientY >= top + height / 2 };
  };

  body.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("tr");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("application/x-rule", dragged.id);
  });
  body.addEventListener("dragover", (event) => {
    const found = place(event);
    clear();
    if (!found) return;
    event.preventDefault();
    found.over.classList.add(found.after ? "drop-after" : "drop-before");
  });
  body.addEventListener("drop", (event) => {
    const found = place(event);
    clear();
    if (!found) return;
    event.preventDefault();
    const rows = [...body.rows].filter((row) => row !== dragged);
    move(dragged, rows.indexOf(found.over) + (found.after ? 2 : 1));
  });
  body.addEventListener("dragend", () => { dragged = null; clear(); });

  // The form of the row's buttons is sent with the new place, so the server moves it in one way only.
  function move(row, position) {
    const form = row.querySelector("form");
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name: "position", value: position });
    form.append(field);
    form.submit();
  }
}
