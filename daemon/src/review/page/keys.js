// Keys: one table, which the page obeys and the help shows.

const OFF = "polychromify.keys-off";
const bindings = [];
let scope = "sheet";

/**
 * Binds keys in a view ("sheet", "picture" or "everywhere"). Each binding is
 * { keys: ["a"], shown?: "a", words: "Accept", run }. Keys are named as `KeyboardEvent.key` has
 * them, after "Ctrl+" or "Shift+" where these are held.
 */
export function bind(where, table) {
  for (const binding of table) bindings.push({ where, ...binding });
}

export function useKeysOf(view) {
  scope = view;
}

/** Whether keys without Ctrl do something. They may be turned off: a voice that is taken for typing presses many. */
export const singleKeys = {
  get on() {
    return localStorage.getItem(OFF) === null;
  },
  set on(value) {
    if (value) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  },
};

/** The table for the help: [view, [[keys, words], ..]]. */
export function keysInWords() {
  const views = [["everywhere", "Judging"], ["sheet", "On the contact sheet"], ["picture", "On one picture"]];
  return views.map(([where, title]) => [
    title,
    bindings.filter((b) => b.where === where && b.words).map((b) => [b.shown ?? b.keys.join(" or "), b.words]),
  ]);
}

function nameOf(event) {
  const key = event.key === " " ? "Space" : event.key;
  const letter = key.length === 1;
  const prefix = (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (event.shiftKey && !letter ? "Shift+" : "");
  return prefix + (letter ? key.toLowerCase() : key);
}

const MOVING = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown", "Space"]);

/** Whether what has the focus needs this key itself. */
function belongsToFocus(target, name) {
  if (target.closest("dialog")) return true;
  if (target.matches("select, textarea, input:not([type=radio], [type=checkbox], [type=range], [type=color])")) {
    return name !== "Escape";
  }
  if (target.matches("input, [role=slider]")) return MOVING.has(name.replace("Shift+", "")) || name === "Enter";
  if (target.matches("button, a[href], summary")) return name === "Enter" || name === "Space";
  return false;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.altKey || event.isComposing) return;
  const name = nameOf(event);
  if (belongsToFocus(event.target, name)) return;
  if (!singleKeys.on && event.key.length === 1 && !event.ctrlKey && !event.metaKey) return;
  const found = bindings.find((b) => (b.where === scope || b.where === "everywhere") && b.keys.includes(name));
  if (!found) return;
  event.preventDefault();
  found.run(event);
});
