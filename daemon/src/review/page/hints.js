// Hints on the photograph: what was clicked on, as marks that are moved and removed.

import { clamp, fill, h } from "./dom.js";
import { colorName } from "./palette.js";
import { percent } from "./words.js";

/** Steps of the arrow keys, as shares of the picture. */
const STEP = 0.005;
const LARGE_STEP = 0.05;

export class HintMarks {
  #marks = [];
  #hints = [];
  /** Whether a mark gets the focus by the page, which chooses nothing. */
  #quiet = false;

  /**
   * Marks in `overlay`, placed by `pane`. `events`: onmove (index, {x, y}) while one is moved,
   * onremove (index), onchoose (index).
   */
  constructor(overlay, pane, events) {
    this.overlay = overlay;
    this.pane = pane;
    this.events = events;
  }

  /** Shows these hints; `chosen` is the one that a color is picked for. */
  show(hints, chosen) {
    this.#hints = hints;
    if (this.#marks.length !== hints.length) {
      const focused = this.#marks.indexOf(document.activeElement);
      this.#marks = hints.map((_, index) => this.#mark(index));
      fill(this.overlay, this.#marks);
      if (focused >= 0) this.focus(Math.min(focused, hints.length - 1));
    }
    hints.forEach((hint, index) => {
      const mark = this.#marks[index];
      mark.firstChild.style.backgroundColor = hint.color;
      mark.classList.toggle("chosen", index === chosen);
      mark.setAttribute("aria-label", `Hint ${index + 1}, ${colorName(hint.color)}, ${percent(hint.x)} from the left, ${percent(hint.y)} from the top`);
    });
    this.place();
  }

  /** Puts marks where their hints are in the window by now. */
  place() {
    this.#hints.forEach((hint, index) => {
      const mark = this.#marks[index];
      const { x, y } = this.pane.pixelAt(hint);
      const radius = Math.max(this.pane.lengthOf(hint.radius), 3);
      mark.style.transform = `translate(${x}px, ${y}px)`;
      mark.style.setProperty("--radius", `${radius}px`);
    });
  }

  /** Gives a mark the focus, for the arrows, and chooses it for nothing else. */
  focus(index) {
    this.#quiet = true;
    this.#marks[index]?.focus({ preventScroll: true });
    this.#quiet = false;
  }

  #mark(index) {
    const mark = h("button", { class: "hint", "aria-description": "Arrows move it, Delete removes it" }, h("span", { class: "dot" }), h("span", { class: "ring" }));
    let from = null;
    mark.addEventListener("focus", () => this.#quiet || this.events.onchoose(index));
    mark.addEventListener("pointerdown", (event) => {
      this.events.onchoose(index);
      mark.setPointerCapture(event.pointerId);
      from = { x: event.clientX, y: event.clientY, at: this.pane.pixelAt(this.#hints[index]) };
      event.stopPropagation();
    });
    mark.addEventListener("pointermove", (event) => {
      if (!from || !mark.hasPointerCapture(event.pointerId)) return;
      const at = this.pane.shareAt(from.at.plus({ x: event.clientX - from.x, y: event.clientY - from.y }));
      this.events.onmove(index, { x: clamp(at.x, 0, 1), y: clamp(at.y, 0, 1) });
    });
    mark.addEventListener("pointerup", () => (from = null));
    mark.addEventListener("keydown", (event) => this.#key(event, index));
    return mark;
  }

  #key(event, index) {
    const step = event.shiftKey ? LARGE_STEP : STEP;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (by) {
      const { x, y } = this.#hints[index];
      this.events.onmove(index, { x: clamp(x + by[0], 0, 1), y: clamp(y + by[1], 0, 1) });
    } else if (event.key === "Delete" || event.key === "Backspace") this.events.onremove(index);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
