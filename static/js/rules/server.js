// The console's endpoints that the rule editor asks. Only the server knows the language.

const token = () => document.querySelector("[name=csrfmiddlewaretoken]").value;
const TIMEOUT = 15000;

async function answer(response) {
  if (!response.ok || response.redirected) throw new Error(String(response.status));
  return response.json();
}

export async function post(url, body) {
  const isForm = body instanceof FormData;
  const headers = { Accept: "application/json", "X-CSRFToken": token() };
  if (!isForm) headers["Content-Type"] = "application/json";
  return answer(await fetch(url, {
    method: "POST",
    headers,
    body: isForm ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT),
  }));
}

const known = new Map();

// Names that begin with or contain a text; what was asked before is answered from memory.
export async function symbols(url, query) {
  if (!known.has(query)) {
    const asked = fetch(`${url}?q=${encodeURIComponent(query)}`, { signal: AbortSignal.timeout(TIMEOUT) });
    known.set(query, asked.then(answer).catch((error) => {
      known.delete(query);
      throw error;
    }));
  }
  return known.get(query);
}

export async function symbol(url, name) {
  return (await symbols(url, name)).find((each) => each.name === name) ?? null;
}
