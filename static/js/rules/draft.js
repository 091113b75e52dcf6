// Keeps what is typed into the form of a rule while this tab is open, so that a session that ends loses nothing.

const SENT = "rule-draft-sent";
const DELAY = 400;
const LEFT_OUT = ["csrfmiddlewaretoken", "seen_revision", "rule", "find", "tags", "file"];

const entries = (form) => JSON.stringify([...new FormData(form)].filter(([name]) => !LEFT_OUT.includes(name)));

// Returns a function that notes the present state of the form; `restored` is called when a draft was taken back.
export function keepDraft(form, words, restored) {
  const seen = form.elements.seen_revision?.value ?? "";
  const key = `rule-draft:${form.dataset.user}:${location.pathname}:${seen}`;
  const asGiven = entries(form);
  const kept = sessionStorage.getItem(key);
  let timer = 0;

  const note = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const now = entries(form);
      if (now === asGiven) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, now);
    }, DELAY);
  };
  form.addEventListener("input", note);
  form.addEventListener("change", note);
  form.addEventListener("submit", () => {
    sessionStorage.setItem(key, entries(form));
    sessionStorage.setItem(SENT, key);
  });
  if (kept && kept !== asGiven) offer(form, words, () => { fill(form, JSON.parse(kept)); restored(); }, () => sessionStorage.removeItem(key));
  return note;
}

// To be called by the page that follows a save.
export function forgetSentDraft() {
  const sent = sessionStorage.getItem(SENT);
  if (sent) sessionStorage.removeItem(sent);
  sessionStorage.removeItem(SENT);
}

function fill(form, values) {
  for (const control of form.elements) {
    if (!control.name || LEFT_OUT.includes(control.name) || control.type === "submit") continue;
    const own = values.filter(([name]) => name === control.name).map(([, value]) => value);
    if (["checkbox", "radio"].includes(control.type)) control.checked = own.includes(control.value);
    else if (own.length) [control.value] = own;
  }
}

function offer(form, words, take, forget) {
  const notice = document.createElement("div");
  notice.className = "notice notice-warning";
  notice.setAttribute("role", "status");
  const text = document.createElement("p");
  text.textContent = words.draft;
  const act = (label, work) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-sm";
    button.textContent = label;
    button.addEventListener("click", () => { notice.remove(); work(); });
    return button;
  };
  const inner = document.createElement("div");
  const buttons = document.createElement("div");
  buttons.className = "page-actions";
  buttons.append(act(words.takeBack, take), act(words.forget, forget));
  inner.append(text, buttons);
  notice.append(inner);
  form.prepend(notice);
}
