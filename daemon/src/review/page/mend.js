// Mending a picture: strength, variant, borders, reference photograph and hints. The picture follows
// each change; nothing is written before "Make it".

import { announce, announceError } from "./announce.js";
import { get, look, newest, tell, upload } from "./api.js";
import { choice, choose, clamp, fill, h } from "./dom.js";
import { HintMarks } from "./hints.js";
import { Palette, colorName } from "./palette.js";
import { store } from "./store.js";
import { number } from "./words.js";

/** Radius of a new hint, as a share of the picture's longest side. */
const RADIUS = 0.015;
/** Longest side of a preview that the program paints, in pixels. */
const MOST_SIDE = 4096;
/** How long a preview rests before its pixels are painted, in milliseconds. */
const REST = 350;
const VARIANTS = [["1", "Likeliest"], ["2", "Second"], ["3", "Third"]];
const BORDERS = [["auto", "Leave neutral"], ["keep", "Color too"]];

/** The part of settings that is set here; of a shot that is hints alone. */
function mendable({ saturation = 1, variant = 1, borders = "auto", hints, reference }, isShot = false) {
  const discs = (hints ?? []).map(({ x, y, color, radius }) => ({ x, y, color, radius }));
  if (isShot) return { hints: discs };
  return { saturation, variant, borders, hints: discs, ...(reference ? { reference } : {}) };
}

export class Mend {
  #detail = null;
  #settings = mendable({});
  /** Settings of before, newest last, for taking changes back. */
  #past = [];
  #chosen = -1;
  #address = null;
  #rest;

  /** `onmade` is called once a job was queued. */
  constructor(stage, { onmade, onpickreference }) {
    this.stage = stage;
    this.onmade = onmade;
    this.marks = new HintMarks(stage.overlay, stage.first, {
      onmove: (index, at) => this.#change((settings) => Object.assign(settings.hints[index], at), `move ${index}`),
      onremove: (index) => this.removeHint(index),
      onchoose: (index) => this.#choose(index),
    });
    this.palette = new Palette({ onpick: (color) => this.#colorPicked(color), ondropper: () => this.drop() });
    this.#ask = newest((settings, isNewest) => this.#look(settings, isNewest));
    this.element = this.#build(onpickreference);
  }

  #ask;

  #build(onpickreference) {
    const strength = (event) => this.#change((settings) => (settings.saturation = Number(event.target.value)), "strength");
    this.strength = h("input", { type: "range", min: 0, max: 4, step: 0.05, id: "strength", oninput: strength });
    this.strengthValue = h("output", { for: "strength" });
    this.variants = choice("Coloring", "variant", VARIANTS, "1", (value) => this.#change((settings) => (settings.variant = Number(value))));
    this.borders = choice("Borders of the scan", "borders", BORDERS, "auto", (value) => this.#change((settings) => (settings.borders = value)));
    this.list = h("ol", { class: "hints" });
    this.state = h("p", { class: "state", "aria-live": "polite" });
    this.make = h("button", { class: "primary", title: "Make it (Ctrl+Enter)", onclick: () => this.makeIt() }, "Make it");
    this.back = h("button", { title: "Take the last change back (Ctrl+Z)", onclick: () => this.takeBack() }, "Take back");
    this.reset = h("button", { onclick: () => this.#start(this.#detail) }, "Start over");
    this.later = h("button", { title: "Keep the hints of this shot until the film is made", onclick: () => this.#keepForLater() }, "Keep for later");
    this.forget = h("button", { onclick: () => this.#forget(), title: "Make it with the settings of the run again" }, "Forget own settings");
    this.reference = this.#buildReference(onpickreference);
    const row = (words, ...controls) => h("div", { class: "row" }, h("span", { class: "words" }, words), controls);
    this.ofPhotographs = h("div", {},
      h("div", { class: "row" }, h("label", { class: "words", for: "strength" }, "Strength"), this.strength, this.strengthValue),
      row("Coloring", this.variants), row("Borders", this.borders), this.reference);
    this.controls = h("div", { class: "controls" },
      this.ofPhotographs,
      h("h3", {}, "Hints"), h("p", { class: "quiet" }, "Choose a color, then click on the photograph. The H key sets one in the middle."),
      this.palette.element, this.list,
      h("div", { class: "buttons" }, this.make, this.later, this.back, this.reset, this.forget));
    return h("section", { class: "mend", hidden: true, "aria-label": "Mend" }, h("h2", {}, "Mend"), this.state, this.controls);
  }

  #buildReference(onpick) {
    this.referenceName = h("b", {});
    const file = h("input", { type: "file", accept: "image/*", hidden: true, onchange: () => this.#upload(file) });
    const own = h("button", { onclick: async () => this.#refer(await onpick()) }, "From sheet…");
    const other = h("button", { onclick: () => file.click() }, "From file…");
    this.noReference = h("button", { hidden: true, onclick: () => this.#refer(null), "aria-label": "No reference photograph" }, "✕");
    return h("div", { class: "row", title: "Another photograph whose colors this one takes" },
      h("span", { class: "words" }, "Reference"),
      h("span", { class: "line" }, h("span", { class: "chosen-reference" }, this.referenceName, this.noReference), own, other, file));
  }

  get open() {
    return !this.element.hidden;
  }

  /** Opens or closes the panel; closed, the result is shown and what was set is kept. */
  set open(on) {
    this.element.hidden = !on;
    this.stage.element.classList.toggle("setting", on && this.#canMend);
    this.palette.dropping = false;
    if (!this.#detail) return;
    if (on && this.#changed) this.#ask(structuredClone(this.#settings));
    if (!on) this.#showLook(null, null);
    this.#show();
  }

  get #canMend() {
    return Boolean(this.#detail?.can_mend);
  }

  get #isShot() {
    return Boolean(this.#detail?.shot);
  }

  get #changed() {
    return JSON.stringify(this.#settings) !== JSON.stringify(mendable(this.#detail.mending ?? {}, this.#isShot));
  }

  /** Another picture, or another result of the same. */
  show(detail) {
    this.#detail = detail;
    this.#address = null;
    this.#start(detail);
    this.stage.element.classList.toggle("setting", this.open && this.#canMend);
  }

  #start(detail) {
    this.#settings = mendable(detail.mending ?? {}, this.#isShot);
    this.#past = [];
    this.#chosen = -1;
    this.#showLook(null, null);
    this.#show();
  }

  #last = null;

  /** Changes settings; changes in a row with the same `name` are taken back as one. */
  #change(change, name = null) {
    if (!this.#canMend) return;
    if (name === null || name !== this.#last) this.#past.push(structuredClone(this.#settings));
    this.#last = name;
    change(this.#settings);
    this.#changedBy();
  }

  #changedBy() {
    this.#show();
    if (this.#changed) this.#ask(structuredClone(this.#settings));
    else this.#showLook(null, null);
  }

  takeBack() {
    const before = this.#past.pop();
    if (!before) return announce("Nothing was changed here.");
    this.#last = null;
    this.#settings = before;
    this.#chosen = clamp(this.#chosen, -1, before.hints.length - 1);
    this.#changedBy();
  }

  /** Asks for the picture with these settings and shows it. */
  async #look(settings, isNewest) {
    const { place, sha256 } = this.#detail;
    clearTimeout(this.#rest);
    try {
      const { token, picture } = await look(place, { ...settings, side: clamp(this.stage.first.fittedSide, 256, MOST_SIDE) });
      if (this.#detail.place !== place || this.#detail.sha256 !== sha256 || !this.open || !this.#changed) return;
      await this.#showLook(picture, token);
      if (isNewest()) this.#rest = setTimeout(() => this.#showPixels(token), REST);
    } catch (error) {
      announceError(error);
    }
  }

  /** Shows a preview in the place of the result, `null` the result again. */
  #showLook(picture, token) {
    clearTimeout(this.#rest);
    const older = this.#address;
    this.#address = picture ? URL.createObjectURL(picture) : null;
    return new Promise((resolve) => {
      this.stage.layer("look", this.#address, () => {
        this.stage.layer("fine", null);
        this.stage.arrange();
        this.element.dataset.look = token ?? "";
        if (older) URL.revokeObjectURL(older);
        resolve();
      });
    });
  }

  #showPixels(token) {
    const { place, tiles } = this.#detail;
    if (!token || !tiles.before || !this.#address) return;
    this.stage.layer("fine", { ...tiles.before, url: `/api/tiles/${place}/${token}/{level}/{x}_{y}` });
  }

  /** A click on the photograph: takes its color, or sets a hint. */
  async click({ x, y }) {
    if (!this.open || !this.#canMend || x < 0 || x > 1 || y < 0 || y > 1) return;
    if (!this.palette.dropping) return this.addHint({ x, y });
    this.palette.dropping = false;
    this.stage.element.classList.remove("dropping");
    try {
      const of = this.#detail.tiles.after ? "after" : "before";
      const { color } = await get(`/api/color/${this.#detail.place}`, { x, y, of });
      this.palette.pick(color);
      announce(`Taken: ${colorName(color)}`);
    } catch (error) {
      announceError(error);
    }
  }

  /** The next click takes a color. */
  drop() {
    this.palette.dropping = !this.palette.dropping;
    this.stage.element.classList.toggle("dropping", this.palette.dropping);
    if (this.palette.dropping) announce("The next click on the photograph takes its color.");
  }

  addHint({ x, y }) {
    if (!this.#canMend) return;
    const { color } = this.palette;
    this.#chosen = -1;
    this.#change((settings) => settings.hints.push({ x, y, color, radius: RADIUS }));
    const index = this.#settings.hints.length - 1;
    this.palette.used(color);
    this.marks.focus(index);
    announce(`Hint ${index + 1}: ${colorName(color)}`);
  }

  removeHint(index) {
    this.#chosen = -1;
    this.#change((settings) => settings.hints.splice(index, 1));
    announce(`Hint ${index + 1} removed`);
  }

  /** Chooses a hint: what color is picked next is for it. */
  #choose(index) {
    this.#chosen = index;
    this.palette.show(this.#settings.hints[index].color);
    this.#show();
  }

  /** A color was picked: for the chosen hint, or else for those that come. */
  #colorPicked(color) {
    const hint = this.#settings.hints[this.#chosen];
    if (hint && hint.color !== color) {
      this.#change(() => (hint.color = color), `color ${this.#chosen}`);
      this.palette.used(color);
    }
  }

  async #upload(file) {
    if (!file.files.length) return;
    try {
      const { reference } = await upload(file.files[0]);
      this.#refer({ reference, name: file.files[0].name });
    } catch (error) {
      announceError(error);
    }
    file.value = "";
  }

  /** Takes the colors of another photograph; `null` of none. */
  #refer(chosen) {
    if (chosen === undefined) return;
    this.names.set(chosen?.reference, chosen?.name);
    this.#change((settings) => {
      if (chosen) settings.reference = chosen.reference;
      else delete settings.reference;
    });
  }

  names = new Map();

  async makeIt() {
    const what = this.#isShot ? "The film is made anew with the hints of all its shots." : "It is made anew with these settings.";
    await this.#queue(this.#settings, what);
  }

  /** Hints on several shots are set before a film is made, which takes long. */
  async #keepForLater() {
    const detail = this.#detail;
    if (!(await this.#queue(this.#settings, "The hints are kept until the film is made.", true))) return;
    if (this.#detail === detail) this.#showLook(null, null);
  }

  async #forget() {
    const detail = this.#detail;
    if (!(await this.#queue(null, "It is made anew with the settings of the run."))) return;
    if (this.#detail === detail) this.#start(detail);
  }

  /** Says whether it was taken up; `later` keeps the settings alone. What is set next stands on top of them. */
  async #queue(settings, words, later = false) {
    const detail = this.#detail;
    const { id, place } = detail;
    const told = structuredClone(settings);
    if (!this.#canMend) return announce(this.#detail.why_not ?? "This picture cannot be mended here.");
    try {
      const { refused } = await tell("/api/make", { items: [{ id: place }], settings: told, later });
      if (refused.length) return announce(refused[0].reason, { urgent: true });
      detail.mending = told ?? (await get(`/api/results/${place}`)).mending;
      detail.own_settings = told !== null;
      await store.refresh([id]);
      announce(words);
      this.onmade(id);
      this.#show();
      return true;
    } catch (error) {
      announceError(error);
    }
  }

  #show() {
    const { saturation, variant, borders, hints, reference } = { ...mendable({}), ...this.#settings };
    this.strength.value = saturation;
    fill(this.strengthValue, number(saturation));
    choose(this.variants, variant);
    choose(this.borders, borders);
    fill(this.referenceName, reference ? this.names.get(reference) ?? "set" : "");
    this.noReference.hidden = !reference;
    this.#showHints(hints);
    this.#showState();
  }

  #showHints(hints) {
    this.marks.show(this.open ? hints : [], this.#chosen);
    this.palette.purpose = this.#chosen < 0 ? "Next hint" : `Hint ${this.#chosen + 1}`;
    const range = (hint, index) => h("input", {
      type: "range", min: 0.003, max: 0.1, step: 0.001, value: hint.radius, "aria-label": `Size of hint ${index + 1}`,
      oninput: (event) => this.#resize(index, Number(event.target.value)),
    });
    if (this.list.contains(document.activeElement) && document.activeElement.type === "range") return;
    fill(this.list, hints.map((hint, index) => {
      const swatch = h("span", { class: "swatch" });
      swatch.style.backgroundColor = hint.color;
      return h("li", { class: index === this.#chosen ? "chosen" : null },
        h("button", { class: "name", onclick: () => this.#choose(index), title: "Choose it, to give it another color" }, swatch, colorName(hint.color)),
        range(hint, index),
        h("button", { "aria-label": `Remove hint ${index + 1}`, title: "Remove (Delete)", onclick: () => this.removeHint(index) }, "✕"));
    }));
  }

  #resize(index, radius) {
    this.#change((settings) => (settings.hints[index].radius = radius), `size ${index}`);
  }

  #showState() {
    const detail = this.#detail;
    if (!detail) return;
    const waits = ["queued", "running"].includes(store.item(detail.id)?.status);
    const by = store.summary?.writes === "elsewhere" ? "the running batch or watch" : "this program";
    const words = !this.#canMend ? detail.why_not ?? "This picture cannot be mended here."
      : waits ? `It waits to be made anew by ${by}. Until then its older result is shown.`
      : this.#changed ? "A preview: nothing is written yet." : "";
    if (this.state.textContent !== words) fill(this.state, words);
    this.controls.hidden = !this.#canMend;
    this.ofPhotographs.hidden = this.#isShot;
    fill(this.make, this.#isShot ? "Make the film" : "Make it");
    this.make.disabled = !this.#changed && !(this.#isShot && detail.own_settings);
    this.later.hidden = !this.#isShot;
    this.later.disabled = !this.#changed;
    this.back.disabled = this.#past.length === 0;
    this.reset.disabled = !this.#changed;
    this.forget.hidden = !detail.own_settings || this.#isShot;
    this.reference.hidden = store.summary?.can?.reference === false;
  }

  /** The state of its job may have changed. */
  update() {
    this.#showState();
  }

  /** The window on the photograph moved. */
  viewed() {
    this.marks.place();
  }
}
