// Between the condition tree of the server and what the builder draws: groups, rows and chips. Pure.
// What no row can show becomes a chip, which keeps its tree untouched.

let last = 0;
const key = () => `part-${(last += 1)}`;
const DURATION = /^PT(?:(\d{1,2})H)?(?:(\d{1,2})M)?$/;
const DAYS = /^P(\d+)D$/;

export const group = (kind, parts = []) => ({ key: key(), kind, parts });
export const row = (values = {}) =>
  ({ key: key(), kind: "row", field: "", type: "text", list: false, operator: "", value: "", ...values });
const chip = (tree, text = "") => ({ key: key(), kind: "chip", tree, text });

export const isGroup = (part) => Boolean(part.parts);

export const chipOfText = (text) => group("all", [chip(null, text)]);

// The kind by which operators are offered.
export const kindOf = (part) => (part.list ? "list" : part.type);

export function fromTree(tree, operators) {
  if (tree.value === true) return { ...group("all"), everything: true };
  const part = partFrom(tree, operators);
  return isGroup(part) ? part : group("all", [part]);
}

function partFrom(tree, operators) {
  for (const kind of ["all", "any"]) {
    if (tree[kind]) return group(kind, tree[kind].map((each) => partFrom(each, operators)));
  }
  if (tree.not) {
    const inner = tree.not;
    if (inner.any) return group("none", inner.any.map((each) => partFrom(each, operators)));
    if (inner.all) return group("notall", inner.all.map((each) => partFrom(each, operators)));
    return group("none", [partFrom(inner, operators)]);
  }
  return rowFrom(tree, operators) ?? chip(tree);
}

function rowFrom(tree, operators) {
  const found = readers.map((read) => read(tree)).find(Boolean);
  if (!found) return null;
  const { field, shape, op, value } = found;
  const made = row({ field: field.field, type: field.type, list: Boolean(field.list), value });
  const operator = operators.find((each) =>
    each.shape === shape && each.op === op && each.kinds.includes(kindOf(made)));
  if (!operator) return null;
  return { ...made, operator: operator.id, literal: found.literal, source: { ...made, operator: operator.id, tree } };
}

const readers = [
  function compare({ op, left, right }) {
    if (!left?.field || right?.value === undefined || right.list) return null;
    const value = shown(right);
    return value === null ? null : { field: left, shape: "compare", op, value, literal: right.type };
  },
  function list({ op, left, right }) {
    if (!left?.field || !right?.list || !["text", "number"].includes(right.type)) return null;
    if (right.value.some((each) => String(each).trim() !== String(each) || /^$|[\n\r]/.test(each))) return null;
    return { field: left, shape: "list", op, value: right.value.join("\n"), literal: right.type };
  },
  function member({ op, left, right }) {
    if (!right?.field || left?.value === undefined || left.list) return null;
    const value = shown(left);
    return value === null ? null : { field: right, shape: right.list ? "has" : "part", op, value, literal: left.type };
  },
  function method({ attr, of, arg }) {
    if (!of?.field || typeof arg?.value !== "string" || !shown(arg)) return null;
    return { field: of, shape: "method", op: attr, value: arg.value, literal: "text" };
  },
  function ago({ op, left, right }) {
    const days = DAYS.exec(right?.right?.value ?? "");
    if (!left?.field || right.op !== "-" || right.left?.clock !== "today" || !days) return null;
    return { field: left, shape: "ago", op, value: days[1], literal: "duration" };
  },
];

// A literal as its input shows it, or null when no input can.
function shown({ value, type }) {
  if (type === "boolean") return null;
  if (type === "text" && /^$|[\n\r]/.test(value)) return null;
  if (type !== "duration") return String(value);
  const found = DURATION.exec(value);
  return found && found[0] !== "PT" ? `${(found[1] ?? "0").padStart(2, "0")}:${(found[2] ?? "0").padStart(2, "0")}` : null;
}

// Which input a row needs, by its operator and the type of its field.
export function inputOf(part, operator) {
  if (!operator) return "text";
  if (operator.shape === "list") return "lines";
  if (operator.shape === "ago") return "days";
  if (operator.shape === "method") return "text";
  if (part.type === "date" && part.literal === "datetime") return "datetime";
  return part.type;
}

// The tree of a part: null for an empty group, undefined when something is still missing.
export function toTree(part, operators) {
  if (part.kind === "chip") return part.tree ?? undefined;
  if (part.kind === "row") return rowTree(part, operators);
  const parts = part.parts.map((each) => toTree(each, operators)).filter((tree) => tree !== null);
  if (parts.includes(undefined)) return undefined;
  if (parts.length === 0) return null;
  const join = part.kind === "all" || part.kind === "notall" ? "all" : "any";
  const joined = parts.length === 1 ? parts[0] : { [join]: parts };
  return part.kind === "none" || part.kind === "notall" ? { not: joined } : joined;
}

// A row that nobody changed is what it was, to the letter.
const untouched = ({ source, ...part }) =>
  source && ["field", "operator", "value"].every((name) => source[name] === part[name]);

function rowTree(part, operators) {
  if (untouched(part)) return part.source.tree;
  const operator = operators.find((each) => each.id === part.operator);
  if (!part.field || !operator || part.value === "") return undefined;
  const field = { field: part.field };
  const { op } = operator;
  switch (operator.shape) {
    case "compare": return withLiteral(part, (literal) => ({ op, left: field, right: literal }));
    case "has": return withLiteral(part, (literal) => ({ op, left: literal, right: field }));
    case "part": return { op, left: { value: part.value, type: "text" }, right: field };
    case "method": return { attr: op, of: field, arg: { value: part.value, type: "text" } };
    case "ago": return agoTree(op, field, part.value);
    default: return listTree(op, field, part);
  }
}

function withLiteral(part, make) {
  const literal = literalOf(part.type === "date" && part.literal === "datetime" ? "datetime" : part.type, part.value);
  return literal ? make(literal) : undefined;
}

function agoTree(op, field, value) {
  if (!/^\d+$/.test(value)) return undefined;
  const days = { value: `P${Number(value)}D`, type: "duration" };
  return { op, left: field, right: { op: "-", left: { clock: "today" }, right: days } };
}

function listTree(op, field, part) {
  const lines = part.value.split("\n").map((line) => line.trim()).filter(Boolean);
  const values = lines.map((line) => literalOf(part.type, line)?.value);
  if (!values.length || values.includes(undefined)) return undefined;
  return { op, left: field, right: { value: values, type: part.type, list: true } };
}

function literalOf(type, text) {
  if (type === "number") {
    const value = Number(text);
    return text.trim() !== "" && Number.isFinite(value) ? { value, type } : null;
  }
  if (type === "time") {
    const found = /^(\d\d):(\d\d)$/.exec(text);
    return found ? { value: `PT${Number(found[1])}H${Number(found[2])}M`, type: "duration" } : null;
  }
  return { value: text, type };
}

// The part with a key, and where it is.
export function find(root, wanted, parent = null) {
  if (root.key === wanted) return { part: root, parent, place: parent ? parent.parts.indexOf(root) : 0 };
  for (const each of root.parts ?? []) {
    const found = find(each, wanted, root);
    if (found) return found;
  }
  return null;
}

// One step up or down through the whole tree, into groups and out of them; false at the end.
export function step(root, wanted, down) {
  const { part, parent, place } = find(root, wanted);
  const neighbour = parent.parts[place + (down ? 1 : -1)];
  parent.parts.splice(place, 1);
  if (neighbour && isGroup(neighbour)) {
    neighbour.parts.splice(down ? 0 : neighbour.parts.length, 0, part);
  } else if (neighbour) {
    parent.parts.splice(place + (down ? 1 : -1), 0, part);
  } else if (parent !== root) {
    const above = find(root, parent.key);
    above.parent.parts.splice(above.place + (down ? 1 : 0), 0, part);
  } else {
    parent.parts.splice(place, 0, part);
    return false;
  }
  return true;
}

// Put a part before or after another, or into an empty group; false when that is inside itself.
export function put(root, wanted, target, where) {
  const moving = find(root, wanted);
  if (wanted === target || find(moving.part, target)) return false;
  moving.parent.parts.splice(moving.place, 1);
  const there = find(root, target);
  if (where === "into") there.part.parts.push(moving.part);
  else there.parent.parts.splice(there.place + (where === "after" ? 1 : 0), 0, moving.part);
  return true;
}
