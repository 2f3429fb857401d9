// One picture: looked at closely, judged, mended.

import { announce, announceError, tellEars } from "./announce.js";
import { get } from "./api.js";
import { choice, choose, fill, h } from "./dom.js";
import { pick } from "./dialogs.js";
import { facts } from "./facts.js";
import { judge, note, undo } from "./judge.js";
import { bind } from "./keys.js";
import { Mend } from "./mend.js";
import { MODES, Stage } from "./stage.js";
import { store } from "./store.js";
import { describe, number, percent, shortName, verdict, when } from "./words.js";

/** How far a key pans, in CSS pixels. */
const PAN = 80;

/** After how long it is said that a picture is being opened, in milliseconds. */
const PATIENCE = 600;

const view = document.getElementById("picture");
const head = {};
const foot = {};
let stage, mend, panel, go, leave;
let detail = null;
/** Details that were asked for in advance, by picture. */
const ahead = new Map();

/** Builds the view. `goes` shows another picture, `leaves` goes back to the sheet. */
export function buildPicture({ goes, leaves, helps }) {
  go = goes;
  leave = leaves;
  stage = new Stage({ onview: viewed, onclick: (at) => mend.click(at) });
  mend = new Mend(stage, { onmade: () => {}, onpickreference: pickReference });
  panel = h("aside", { class: "panel", "aria-label": "About the picture" });
  head.doubtWords = h("p", { class: "legend", hidden: true },
    "Marked is where the program hesitated between colors. It is no truth: it tells where to look, and what is not marked may be wrong too.");
  head.empty = h("p", { class: "nothing", hidden: true });
  stage.host.append(head.doubtWords, head.empty);
  panel.facts = h("div", {});
  panel.append(mend.element, panel.facts);
  fill(view, buildHead(helps), h("div", { class: "body" }, stage.element, panel), buildFoot());
  store.addEventListener("items", ({ detail: ids }) => detail && ids.includes(detail.id) && itemChanged());
  store.addEventListener("list", showPosition);
  bindKeys();
}

function buildHead(helps) {
  const button = (words, label, run) => h("button", { "aria-label": label, title: label, onclick: run }, words);
  head.name = h("h1", {});
  head.position = h("span", { class: "counts" });
  head.modes = choice("How before and after are compared", "mode", MODES, "slider", setMode);
  head.zoom = h("output", { class: "zoom", "aria-label": "Zoom" });
  head.page = h("output", { class: "page", "aria-label": "Page of the file" });
  head.pages = h("span", { class: "joined", hidden: true },
    button("‹", "Previous page of the file (,)", () => turn(-1)), head.page, button("›", "Next page of the file (.)", () => turn(1)));
  head.doubt = h("button", { "aria-pressed": "false", title: "Show where the program was unsure (D)", onclick: toggleDoubt }, "Doubt");
  head.mend = h("button", { "aria-pressed": "false", title: "Mend (M)", onclick: toggleMend }, "Mend");
  return h("header", { class: "bar" },
    h("div", { class: "line" },
      button("← Sheet", "Back to the sheet (Esc)", () => leave()), head.name, head.position, head.pages,
      h("span", { class: "tools" }, head.modes,
        h("span", { class: "joined" }, button("−", "Zoom out (-)", () => stage.zoomBy(1 / 1.5)), head.zoom, button("+", "Zoom in (+)", () => stage.zoomBy(1.5))),
        button("1:1", "To the pixel, or the whole (Z)", () => stage.toPixels()),
        head.doubt, head.mend, h("button", { class: "keys-button", onclick: helps, title: "Keys (?)" }, "Keys"))));
}

function buildFoot() {
  const button = (words, key, run) => h("button", { title: `${words} (${key})`, onclick: run }, words);
  foot.words = h("span", { class: "words" });
  foot.accept = button("Accept", "A", () => judgeThis("accepted"));
  foot.reject = button("Reject", "R", () => judgeThis("rejected"));
  foot.note = button("Note…", "N", () => note([detail.id]));
  foot.undo = button("Undo", "U", takeBack);
  const previous = h("button", { "aria-label": "Previous picture", title: "Previous picture (←)", onclick: () => step(-1) }, "‹");
  const next = h("button", { "aria-label": "Next picture", title: "Next picture (→)", onclick: () => step(1) }, "›");
  return h("footer", { class: "bar foot" }, foot.words,
    h("span", { class: "buttons" }, foot.accept, foot.reject, foot.note, foot.undo, previous, next));
}

/** Shows a picture of this number. */
export async function showPicture(id) {
  view.hidden = false;
  if (detail?.id === id) return;
  const asked = ahead.get(id) ?? get(`/api/results/${id}`);
  ahead.clear();
  showing = id;
  try {
    const found = await asked;
    if (showing !== id) return;
    show(found);
    prepare(store.ids[store.placeOf(id) + 1]);
  } catch (error) {
    announceError(error);
  }
}

let showing = null;

export function hidePicture() {
  view.hidden = true;
  showing = null;
  detail = null;
}

/** The picture that is shown, for following its job. */
export const shownIds = () => (detail && !view.hidden ? [detail.id] : []);

function show(found, { quietly = false } = {}) {
  detail = found;
  const item = { ...found, notices: found.notices.length };
  store.put([item]);
  open(found);
  stage.element.setAttribute("aria-label", describe(item));
  mend.show(found);
  showDoubt(head.doubt.getAttribute("aria-pressed") === "true");
  head.doubt.disabled = !found.doubt_overlay;
  fill(head.name, shortName(found));
  head.name.title = found.name;
  document.title = `${shortName(found)} – Review`;
  fill(panel.facts, facts(found));
  const { pages = 1 } = found.tiles.before ?? {};
  head.pages.hidden = pages < 2;
  fill(head.page, `Page ${number(found.page)} of ${number(pages)}`);
  showPosition();
  showVerdict();
  if (!quietly) tellEars(describe(item));
  if (document.activeElement === document.body) stage.element.focus({ preventScroll: true });
}

/** Draws the picture, and says so where that takes a while, or why there is none. */
function open({ tiles, reason, why_not }) {
  const nothing = !tiles.before && !tiles.after;
  const say = (words) => {
    clearTimeout(opening);
    head.empty.hidden = !words;
    fill(head.empty, words);
  };
  say(nothing ? reason ?? why_not ?? "There is nothing to show." : "");
  stage.open(tiles, () => say(""));
  if (!nothing) opening = setTimeout(() => say("Opening…"), PATIENCE);
}

let opening;

/** Asks in advance for the picture that likely comes next. */
function prepare(id) {
  if (id === undefined) return;
  const asked = get(`/api/results/${id}`);
  ahead.set(id, asked);
  asked.then(({ tiles }) => {
    for (const side of [tiles.before, tiles.after]) {
      if (!side) continue;
      const small = Math.max(0, side.levels - 1 - Math.ceil(Math.log2(Math.max(side.width, side.height) / side.tile)));
      new Image().src = side.url.replace("{level}", small).replace("{x}", 0).replace("{y}", 0);
    }
  }).catch(() => ahead.delete(id));
}

function showPosition() {
  if (!detail) return;
  const at = store.placeOf(detail.id);
  fill(head.position, at < 0 ? "not among those listed" : `${number(at + 1)} of ${number(store.ids.length)}`);
}

function showVerdict() {
  const item = store.item(detail.id);
  const parts = [h("b", { class: item.verdict ?? "unjudged" }, verdict(item).replace(/^./, (first) => first.toUpperCase()))];
  if (item.verdict && item.judged_by) parts.push(` by ${item.judged_by}, ${when(item.judged_at)}`);
  if (item.doubt !== undefined) parts.push(h("span", { class: "quiet" }, ` · doubt ${percent(item.doubt)}`));
  if (item.note) parts.push(h("q", {}, item.note));
  fill(foot.words, item.sha256 ? parts : item.reason ?? "No result");
  for (const button of [foot.accept, foot.reject, foot.note]) button.disabled = !item.sha256;
  foot.accept.setAttribute("aria-pressed", String(item.verdict === "accepted"));
  foot.reject.setAttribute("aria-pressed", String(item.verdict === "rejected"));
}

/** Something of the picture changed; where its result did, it is shown anew. */
async function itemChanged() {
  const item = store.item(detail.id);
  showVerdict();
  mend.update();
  if (item.sha256 === detail.sha256 && item.status === detail.status) return;
  const { place, sha256 } = detail;
  try {
    const found = await get(`/api/results/${place}`);
    if (detail?.place !== place) return;
    if (found.sha256 === sha256) detail.status = found.status;
    else {
      show(found, { quietly: true });
      announce(`${shortName(found)} was made anew. Look at it and judge.`);
    }
  } catch (error) {
    announceError(error);
  }
}

function step(by) {
  const at = store.placeOf(detail.id) + by;
  if (at < 0 || at >= store.ids.length) return announce(by > 0 ? "That was the last picture listed." : "This is the first picture listed.");
  store.moveTo(at);
  go(store.ids[at]);
}

/** Shows another page of the same file. */
async function turn(by) {
  const { pages = 1 } = detail?.tiles.before ?? {};
  const page = detail.page + by;
  if (page < 1 || page > pages) return announce(pages < 2 ? "This file has one page." : "There is no other page in this direction.");
  const { place } = detail;
  try {
    const found = await get(`/api/results/${detail.id}.${page}`);
    if (detail?.place !== place) return;
    show(found, { quietly: true });
    announce(`Page ${page} of ${pages}`);
  } catch (error) {
    announceError(error);
  }
}

function judgeThis(given) {
  if (detail) judge([detail.id], given, () => step(1));
}

async function takeBack() {
  const [id] = await undo();
  if (id !== undefined && id !== detail?.id && store.placeOf(id) >= 0) {
    store.moveTo(store.placeOf(id));
    go(id);
  }
}

function setMode(mode) {
  stage.setMode(mode);
  choose(head.modes, mode);
}

function swap() {
  const colored = stage.swap();
  choose(head.modes, "swap");
  announce(colored ? "After" : "Before");
}

function viewed() {
  fill(head.zoom, `${number(Math.round(stage.zoom * 100))}%`);
  mend?.viewed();
}

function toggleDoubt() {
  if (!detail?.doubt_overlay) return announce("Of this picture no doubt is known.");
  const on = head.doubt.getAttribute("aria-pressed") !== "true";
  head.doubt.setAttribute("aria-pressed", String(on));
  showDoubt(on);
}

function showDoubt(on) {
  const shown = on && Boolean(detail.doubt_overlay);
  stage.layer("doubt", shown ? detail.doubt_overlay : null);
  head.doubtWords.hidden = !shown;
}

function toggleMend() {
  mend.open = !mend.open;
  head.mend.setAttribute("aria-pressed", String(mend.open));
  if (mend.open) panel.scrollTop = 0;
}

/** Asks for a photograph of the collection whose colors this one takes. */
async function pickReference() {
  const { items } = await get("/api/results", { status: "done", folder: detail.folder, order: "name", limit: 200 });
  const others = items.filter((item) => item.thumb && item.id !== detail.id);
  others.sort((a, b) => (b.verdict === "accepted") - (a.verdict === "accepted"));
  const choices = others.slice(0, 60).map((item) => [item.id, h("img", { src: item.thumb, alt: "", loading: "lazy" }), shortName(item)]);
  const chosen = await pick("Take the colors of which photograph?", choices, "There is no other colored photograph in this folder.");
  if (!chosen) return undefined;
  const item = others.find(({ id }) => String(id) === chosen);
  return { reference: item.id, name: shortName(item) };
}

function bindKeys() {
  const mending = (run) => () => {
    if (!mend.open) toggleMend();
    run();
  };
  bind("everywhere", [
    { keys: [], shown: "A", words: "Accept, and go to the next" },
    { keys: [], shown: "R", words: "Reject, and go to the next" },
    { keys: [], shown: "N", words: "Note" },
    { keys: [], shown: "C", words: "Clear the verdict" },
    { keys: [], shown: "U", words: "Undo the last verdict or note" },
  ]);
  bind("picture", [
    { keys: ["a"], run: () => judgeThis("accepted") },
    { keys: ["r"], run: () => judgeThis("rejected") },
    { keys: ["c"], run: () => judge([detail.id], null) },
    { keys: ["n"], run: () => note([detail.id]) },
    { keys: ["u"], run: takeBack },
    { keys: ["ArrowLeft", "ArrowUp", "PageUp"], shown: "←", words: "Previous picture", run: () => step(-1) },
    { keys: ["ArrowRight", "ArrowDown", "PageDown"], shown: "→", words: "Next picture", run: () => step(1) },
    { keys: [","], words: "Previous page of a file of several", run: () => turn(-1) },
    { keys: ["."], words: "Next page", run: () => turn(1) },
    { keys: ["Escape"], shown: "Esc", words: "Back to the sheet", run: () => leave() },
    { keys: ["Space"], words: "Before in place of after, and back", run: swap },
    ...MODES.map(([mode, words, key]) => ({ keys: [key], words, run: () => setMode(mode) })),
    { keys: ["z"], shown: "Z", words: "To the pixel, or the whole", run: () => stage.toPixels() },
    { keys: ["0"], words: "The whole picture", run: () => stage.fit() },
    { keys: ["+", "="], shown: "+", words: "Zoom in", run: () => stage.zoomBy(1.5) },
    { keys: ["-"], words: "Zoom out", run: () => stage.zoomBy(1 / 1.5) },
    { keys: [], shown: "Shift+Arrows", words: "Move what is in sight" },
    { keys: ["Shift+ArrowLeft"], run: () => stage.panBy(-PAN, 0) },
    { keys: ["Shift+ArrowRight"], run: () => stage.panBy(PAN, 0) },
    { keys: ["Shift+ArrowUp"], run: () => stage.panBy(0, -PAN) },
    { keys: ["Shift+ArrowDown"], run: () => stage.panBy(0, PAN) },
    { keys: ["d"], shown: "D", words: "Show the doubt", run: toggleDoubt },
    { keys: ["m"], shown: "M", words: "Mend", run: toggleMend },
    { keys: ["h"], shown: "H", words: "Hint in the middle of what is in sight", run: mending(() => mend.addHint(stage.first.middle)) },
    { keys: ["e"], shown: "E", words: "Take a color from the photograph", run: mending(() => mend.drop()) },
    { keys: ["Ctrl+z"], shown: "Ctrl+Z", words: "Take the last change of mending back", run: mending(() => mend.takeBack()) },
    { keys: ["Ctrl+Enter"], words: "Make it", run: () => mend.open && mend.makeIt() },
  ]);
}
