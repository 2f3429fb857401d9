// Questions and help, as the browser's own modal dialogs: they keep the focus and give it back.

import { fill, h } from "./dom.js";
import { keysInWords, singleKeys } from "./keys.js";

/** Shows a dialog; resolves to the value of the button that closed it, "" when it was left. */
function show(title, content, buttons, { wide = false } = {}) {
  const dialog = h("dialog", { class: wide ? "wide" : null, "aria-labelledby": "dialog-title" },
    h("form", { method: "dialog" },
      h("h2", { id: "dialog-title" }, title),
      content,
      h("div", { class: "buttons" }, buttons)));
  document.body.append(dialog);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close(""));
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

const cancel = () => h("button", { value: "", formnovalidate: true }, "Cancel");

/** Asks before something is done to many pictures; `lines` say to which. */
export async function confirm(title, lines, doing) {
  const facts = h("ul", { class: "facts" }, lines.map((line) => h("li", {}, line)));
  const go = h("button", { value: "go", class: "primary", autofocus: true }, doing);
  return (await show(title, facts, [cancel(), go])) === "go";
}

/** Asks for a note; `null` when it was left. */
export async function askNote(title, note) {
  const text = h("textarea", { rows: 5, maxlength: 4000, autofocus: true, "aria-label": title }, note ?? "");
  const save = h("button", { value: "save", class: "primary" }, "Save the note");
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save.click();
  });
  const hint = h("p", { class: "quiet" }, "Ctrl+Enter saves. An empty note is taken away.");
  const answer = await show(title, [text, hint], [cancel(), save]);
  return answer === "save" ? text.value.trim() : null;
}

/** A choice of one of many, such as a picture: `choices` are [value, element]. */
export function pick(title, choices, none) {
  const content = choices.length
    ? h("div", { class: "picks" }, choices.map(([value, element, words]) =>
        h("button", { value, class: "pick", title: words, "aria-label": words }, element)))
    : h("p", {}, none);
  return show(title, content, [cancel()], { wide: true });
}

export function help() {
  const tables = keysInWords().filter(([, rows]) => rows.length).map(([title, rows]) =>
    h("section", {},
      h("h3", {}, title),
      h("dl", { class: "keys" }, rows.map(([keys, words]) =>
        h("div", {}, h("dt", {}, keys.split(" ").map(keyOrWord)), h("dd", {}, words))))));
  const on = h("input", { type: "checkbox", checked: singleKeys.on, onchange: () => (singleKeys.on = on.checked) });
  const close = h("button", { value: "", class: "primary", autofocus: true }, "Close");
  return show("Keys", [
    h("div", { class: "columns" }, tables),
    h("label", { class: "line" }, on, "Single letters act (turn this off where speech is typed)"),
  ], [close], { wide: true });
}

const keyOrWord = (part) => (part === "or" || part === "to" ? ` ${part} ` : h("kbd", {}, part));

/** Whether a dialog is open. */
export const dialogIsOpen = () => document.querySelector("dialog[open]") !== null;

/** Replaces the page by one sentence, where it can do nothing more. */
export function stop(words) {
  for (const view of document.querySelectorAll("main")) view.hidden = true;
  const message = document.getElementById("message");
  message.hidden = false;
  fill(message, words);
}
