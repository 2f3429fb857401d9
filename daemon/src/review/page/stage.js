// The photograph before and after: with a slider, side by side, or one in the place of the other.

import { clamp, h, set } from "./dom.js";
import { Pane } from "./pane.js";

export const MODES = [["slider", "Slider", "1"], ["side", "Side by side", "2"], ["swap", "Alternating", "3"]];

export class Stage {
  mode = "slider";
  /** Place of the slider, 0 at the left to 1. */
  #cut = 0.5;
  /** Whether colors are shown where they alternate. */
  #colored = true;
  #tiles = {};
  #added = new Map();
  #second = null;
  #leader;

  /** `onview` after each move, `onclick` with a point of the photograph. */
  constructor({ onview, onclick }) {
    this.onview = onview;
    this.onclick = onclick;
    const host = h("div", { class: "pane" });
    this.overlay = h("div", { class: "overlay" });
    this.handle = h("div", {
      class: "handle", role: "slider", tabindex: 0, "aria-label": "Border between before and after",
      "aria-valuemin": 0, "aria-valuemax": 100,
    });
    this.labels = [h("span", { class: "label left" }, "Before"), h("span", { class: "label right" }, "After")];
    this.host = h("div", { class: "hold" }, host, this.handle, this.labels, this.overlay);
    this.element = h("div", { class: "stage", role: "group", tabindex: 0 }, this.host);
    this.first = this.#pane(host);
    this.#leader = this.first;
    this.#listen();
  }

  #pane(host) {
    const pane = new Pane(host, {
      onclick: this.onclick,
      onuse: () => (this.#leader = pane),
      onview: () => this.#viewed(),
    });
    return pane;
  }

  #viewed() {
    if (this.mode === "side" && this.#second) {
      (this.#leader === this.first ? this.#second : this.first).followPane(this.#leader);
    }
    if (this.mode === "slider") this.#cutPane();
    this.onview();
  }

  /** Shows a picture; `tiles` are those of its details, `done` is called once it is drawn. */
  open(tiles, done) {
    this.#tiles = tiles;
    this.#added.clear();
    this.#leader = this.first;
    this.#colored = true;
    this.first.open(tiles, done);
    this.#second?.open({ after: tiles.after ?? tiles.before });
    this.arrange();
  }

  /** Puts a layer over the picture, or takes it away: "look", "fine" or "doubt". */
  layer(name, source, done) {
    if (source) this.#added.set(name, source);
    else this.#added.delete(name);
    const shown = this.mode === "side" && this.#second ? this.#second : this.first;
    shown.layer(name, source, done);
    if (shown !== this.first) this.first.layer(name, name === "doubt" ? source : null);
  }

  get #comparable() {
    return Boolean(this.#tiles.before && (this.#tiles.after || this.#added.has("look")));
  }

  setMode(mode) {
    this.mode = mode;
    this.#colored = true;
    if (mode === "side" && !this.#second) {
      const host = h("div", { class: "pane second" });
      this.host.append(host);
      this.#second = this.#pane(host);
    }
    const shown = mode === "side" ? this.#second : this.first;
    if (mode === "side") {
      this.#second.open({ after: this.#tiles.after ?? this.#tiles.before });
    }
    for (const [name, source] of this.#added) shown.layer(name, source);
    this.#leader = this.first;
    this.arrange();
  }

  /** Takes the colors away, or gives them back. */
  swap() {
    if (this.mode !== "swap") this.setMode("swap");
    this.#colored = !this.#colored;
    this.arrange();
    return this.#colored;
  }

  /** Fits slider and labels to the mode, and to what there is to compare. */
  arrange() {
    const { mode } = this;
    this.host.dataset.mode = mode;
    const two = this.#comparable;
    this.handle.hidden = mode !== "slider" || !two;
    const [left, right] = this.labels;
    left.hidden = !two || (mode === "swap" && this.#colored);
    right.hidden = !two || (mode === "swap" && !this.#colored);
    this.#cutPane();
  }

  #cutPane() {
    const two = this.#comparable;
    if (this.mode === "slider" && two) this.first.showColors(true, this.#cut * this.host.clientWidth);
    else if (this.mode === "side" && two) this.first.showColors(false, null);
    else this.first.showColors(this.#colored || !two, null);
    this.handle.style.left = `${this.#cut * 100}%`;
    set(this.handle, "aria-valuenow", Math.round(this.#cut * 100));
    set(this.handle, "aria-valuetext", `${Math.round(this.#cut * 100)}% before, the rest after`);
  }

  moveCut(to) {
    this.#cut = clamp(to, 0, 1);
    this.#cutPane();
  }

  #listen() {
    const follow = (event) => this.moveCut((event.clientX - this.host.getBoundingClientRect().left) / this.host.clientWidth);
    this.handle.addEventListener("pointerdown", (event) => {
      this.handle.setPointerCapture(event.pointerId);
      this.handle.focus({ preventScroll: true });
      event.preventDefault();
    });
    this.handle.addEventListener("pointermove", (event) => {
      if (this.handle.hasPointerCapture(event.pointerId)) follow(event);
    });
    this.handle.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };
      const step = steps[event.key];
      if (step === undefined) return;
      event.preventDefault();
      this.moveCut(this.#cut + step);
    });
    new ResizeObserver(() => this.#cutPane()).observe(this.host);
  }

  fit() {
    this.#leader.fit();
  }

  zoomBy(factor) {
    this.#leader.zoomBy(factor);
  }

  panBy(x, y) {
    this.#leader.panBy(x, y);
  }

  /** Zooms to the pixel, or back to the whole. */
  toPixels() {
    const atPixels = Math.abs(this.#leader.zoom * devicePixelRatio - 1) < 0.01;
    if (atPixels) this.fit();
    else this.#leader.zoomToPixels(1);
  }

  /** Pixels of the screen a pixel of the photograph. */
  get zoom() {
    return this.#leader.zoom * devicePixelRatio;
  }
}
