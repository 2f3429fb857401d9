// Colors for hints: of common things, recent ones, any other, or taken from the photograph.

import { fill, h } from "./dom.js";

/** The lightness of a hint is the scan's: of these colors only hue and chroma count. */
const COMMON = [
  ["Skin", [["fair skin", "#e0b49a"], ["rosy skin", "#dc9f8a"], ["olive skin", "#b58a63"], ["brown skin", "#8d5a3b"], ["dark skin", "#5c3a28"]]],
  ["Hair", [["blond hair", "#c9a66b"], ["brown hair", "#5a3d28"], ["red hair", "#9b4a26"]]],
  ["Sky, water", [["clear sky", "#7fa9d6"], ["hazy sky", "#b8cbdb"], ["evening sky", "#d99a7a"], ["river", "#4f7a7c"], ["sea", "#3f6f8f"]]],
  ["Plants", [["foliage", "#5a7a3a"], ["grass", "#7f9a4a"], ["conifer", "#3f5a3c"], ["dry grass", "#b9a566"], ["autumn leaves", "#b3702f"]]],
  ["Ground", [["sand", "#cdb38a"], ["earth", "#8a6847"], ["gray stone", "#9a9690"]]],
  ["Buildings", [["brick", "#9c4f3b"], ["roof tiles", "#b5623f"], ["slate", "#5f6b75"], ["sandstone", "#c9ac7c"]]],
  ["Wood", [["oak", "#a8743f"], ["dark wood", "#6b4428"], ["weathered wood", "#8f8779"]]],
  ["Uniforms", [["khaki", "#a08f62"], ["olive drab", "#6b6a3d"], ["field gray", "#6f7a70"], ["navy", "#25324f"], ["horizon blue", "#8fa3b5"], ["red coat", "#9e2b2b"]]],
  ["Cloth", [["cream", "#e6d8b8"], ["denim", "#4a648a"], ["wine red", "#6e2a35"], ["bottle green", "#2f4f3f"]]],
  ["Metal", [["brass", "#b08d3f"], ["rust", "#8f4a2a"]]],
  ["No color", [["no color", "#808080"]]],
];
const RECENT = "polychromify.recent-colors";
const MOST_RECENT = 6;

/** What a color is called: its name in the palette, or its number. */
export function colorName(color) {
  for (const [, colors] of COMMON) for (const [name, value] of colors) if (value === color) return name;
  return color;
}

function recent() {
  try {
    return JSON.parse(localStorage.getItem(RECENT) ?? "[]").filter((color) => /^#[0-9a-f]{6}$/.test(color));
  } catch {
    return [];
  }
}

export class Palette {
  color = "#7fa9d6";

  /** `onpick` gets each chosen color, `ondropper` is called when one shall be taken from the picture. */
  constructor({ onpick, ondropper }) {
    this.onpick = onpick;
    this.recents = h("div", { class: "swatches" });
    this.any = h("input", { type: "color", "aria-label": "Any color", oninput: () => this.pick(this.any.value) });
    this.purposeWords = h("span", { class: "quiet" });
    this.name = h("span", {});
    this.dropper = h("button", { "aria-pressed": "false", title: "The next click on the photograph takes its color (E)", onclick: ondropper }, "From the picture");
    const groups = COMMON.map(([group, colors]) =>
      h("div", { class: "group" }, h("span", { class: "words" }, group), h("div", { class: "swatches" }, colors.map(([name, color]) => this.#swatch(name, color)))));
    this.element = h("div", { class: "palette" },
      h("div", { class: "line" }, this.any, h("span", { class: "words" }, this.purposeWords, this.name), this.dropper),
      h("div", { class: "groups", role: "radiogroup", "aria-label": "Colors of common things" }, 
        h("div", { class: "group" }, h("span", { class: "words" }, "Recent"), this.recents), groups));
    this.#show();
  }

  #swatch(name, color) {
    const radio = h("input", { type: "radio", name: "color", value: color, "aria-label": name, title: name, onchange: () => this.pick(color) });
    radio.style.backgroundColor = color;
    return radio;
  }

  pick(color) {
    this.show(color);
    this.onpick(color);
  }

  /** Shows a color as the picked one. */
  show(color) {
    this.color = color;
    this.#show();
  }

  /** What the picked color is for, in words. */
  set purpose(words) {
    fill(this.purposeWords, `${words}: `);
  }

  /** Keeps a color that was used among the recent ones. */
  used(color) {
    const list = [color, ...recent().filter((other) => other !== color)].slice(0, MOST_RECENT);
    localStorage.setItem(RECENT, JSON.stringify(list));
    this.#show();
  }

  /** Whether the next click takes a color. */
  get dropping() {
    return this.dropper.getAttribute("aria-pressed") === "true";
  }

  set dropping(on) {
    this.dropper.setAttribute("aria-pressed", String(on));
  }

  #show() {
    this.any.value = this.color;
    fill(this.name, colorName(this.color));
    const colors = recent();
    const focused = this.recents.contains(document.activeElement);
    fill(this.recents, colors.length ? colors.map((color) => this.#swatch(colorName(color), color)) : h("span", { class: "quiet" }, "none yet"));
    const radio = this.element?.querySelector(`input[value="${this.color}"]`);
    if (radio) radio.checked = true;
    if (focused) radio?.focus();
  }
}
