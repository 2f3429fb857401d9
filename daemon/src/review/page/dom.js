// Elements without a framework.

/**
 * An element: `h("button", { class: "quiet", onclick: run }, "Accept")`.
 * Names that begin with "on" are listeners; true sets an attribute, false and null leave it out.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else set(element, name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets an attribute, or takes it away. */
export function set(element, name, value) {
  if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : value);
}

/** Puts these children in the place of all others. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
}

/** A radio group that looks like one row of buttons; `choices` are [value, words, key?]. */
export function choice(label, name, choices, chosen, onchange) {
  const radios = choices.map(([value, words, key]) =>
    h("label", { class: "choice", title: key ? `${words} (key ${key})` : null },
      h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => onchange(value) }),
      h("span", {}, words)));
  return h("fieldset", { class: "choices" }, h("legend", { class: "unseen" }, label), radios);
}

/** Marks a radio of a `choice` as chosen. */
export function choose(fieldset, value) {
  for (const radio of fieldset.querySelectorAll("input")) radio.checked = radio.value === String(value);
}

export function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}
