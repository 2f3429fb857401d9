// The contact sheet: thousands of pictures, of which only those in sight are elements.

import { announce } from "./announce.js";
import { clamp, fill, h, set } from "./dom.js";
import { filterBar, focusSearch, showSummary } from "./filters.js";
import { judge, note, undo } from "./judge.js";
import { bind } from "./keys.js";
import { idOf, store } from "./store.js";
import { describeTile, dropThumb, showThumb, tile } from "./tile.js";
import { count, number, shortName } from "./words.js";

/** Rows above and below those in sight that are kept as elements. */
const SPARE_ROWS = 2;
/** Height of name and marks below a picture, and space between pictures, in CSS pixels. */
const CAPTION = 44;
const GAP = 8;
/** CSS pixels a millisecond up to which pictures are seen while they scroll by. */
const SLOW = 2;
/** Least widths of a tile, in CSS pixels. */
const SIZES = [112, 152, 208, 280];
const SIZE = "polychromify.thumbnail";

const view = document.getElementById("sheet");
const tiles = new Map();
const grid = h("div", { class: "grid", role: "listbox", tabindex: 0, "aria-multiselectable": true, "aria-label": "Pictures" });
const field = h("div", { class: "field", role: "presentation" });
const empty = h("p", { class: "empty", hidden: true });
const foot = { words: h("span", { class: "words" }), buttons: h("span", { class: "buttons" }) };
let size = clamp(Number(localStorage.getItem(SIZE) ?? (innerWidth < 600 ? 1 : 2)), 0, SIZES.length - 1);
let columns = 1;
/** Where a selection by Shift begins. */
let anchor = 0;
let open, leaveFilm;

/** Width of a tile: the row is filled. */
let width = SIZES[size];

const rowHeight = () => width + CAPTION + GAP;

/**
 * Builds the sheet. `opens` is called with the picture to show, `filters` with new filters; of a film
 * whose shots are shown `about` with the film, and `leaves` to go back.
 */
export function buildSheet({ opens, about, leaves, filters, helps }) {
  open = opens;
  leaveFilm = leaves;
  const help = h("button", { class: "keys-button", onclick: helps, title: "Keys (?)" }, "Keys");
  const csv = h("a", { class: "button", href: "/api/verdicts.csv", download: "verdicts.csv" }, "Verdicts as CSV");
  const bar = h("header", { class: "bar" }, filterBar({ filters, leaves, about }));
  bar.firstChild.append(h("span", { class: "buttons" }, sizeButtons(), csv, help));
  grid.append(field, empty);
  fill(view, bar, grid, h("footer", { class: "bar foot", "aria-label": "What keys act on" }, foot.words, foot.buttons));
  bar.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input")) grid.focus({ preventScroll: true });
  });
  grid.addEventListener("scroll", () => requestAnimationFrame(layTiles), { passive: true });
  grid.addEventListener("click", clicked);
  new ResizeObserver(layOut).observe(grid);
  store.addEventListener("summary", showSummary);
  store.addEventListener("list", showList);
  store.addEventListener("items", ({ detail }) => detail.forEach(describeKnown));
  store.addEventListener("items", showFoot);
  store.addEventListener("selection", showSelection);
  store.addEventListener("cursor", showCursor);
  bindKeys();
}

function sizeButtons() {
  const button = (words, label, step) => h("button", { "aria-label": label, title: `${label} (${words})`, onclick: () => resize(step) }, words);
  return [button("−", "Smaller thumbnails", -1), button("+", "Larger thumbnails", 1)];
}

function resize(step) {
  size = clamp(size + step, 0, SIZES.length - 1);
  localStorage.setItem(SIZE, size);
  layOut();
  bringInSight(store.cursor);
}

function showList() {
  for (const id of tiles.keys()) dropTile(id);
  anchor = store.cursor;
  set(grid, "aria-label", store.film ? `Shots of ${shortName(store.film)}` : "Pictures");
  titleSheet();
  empty.hidden = store.ids.length > 0;
  fill(empty, store.filtered ? "No picture fits these filters." : "There are no pictures here yet. They appear as batch or watch makes them.");
  layOut();
  showCursor();
}

/** Fits columns into the width. */
function layOut() {
  if (view.hidden || grid.clientWidth === 0) return;
  columns = Math.max(1, Math.floor((grid.clientWidth - GAP) / (SIZES[size] + GAP)));
  width = Math.floor((grid.clientWidth - GAP) / columns) - GAP;
  grid.style.setProperty("--tile", `${width}px`);
  field.style.height = `${Math.ceil(store.ids.length / columns) * rowHeight() + GAP}px`;
  for (const [id, element] of tiles) place(element, store.placeOf(id));
  layTiles();
}

function place(element, at) {
  const left = GAP + (at % columns) * (width + GAP);
  const top = GAP + Math.floor(at / columns) * rowHeight();
  element.style.transform = `translate(${left}px, ${top}px)`;
}

/** Places that are in sight, as [first, end], with `spare` rows around. */
function inSight(spare) {
  const first = Math.floor(grid.scrollTop / rowHeight()) - spare;
  const end = Math.ceil((grid.scrollTop + grid.clientHeight) / rowHeight()) + spare;
  return [clamp(first * columns, 0, store.ids.length), clamp(end * columns, 0, store.ids.length)];
}

/** Makes elements of what came near, and drops what went. */
function layTiles() {
  if (view.hidden) return;
  const [first, end] = inSight(SPARE_ROWS);
  for (const id of tiles.keys()) {
    const at = store.placeOf(id);
    if ((at < first || at >= end) && at !== store.cursor) dropTile(id);
  }
  const near = store.ids.slice(first, end);
  for (const id of near) if (!tiles.has(id)) addTile(id);
  if (store.current !== undefined && !tiles.has(store.current)) addTile(store.current);
  scheduleThumbs();
}

function addTile(id) {
  const at = store.placeOf(id);
  const element = tile(id, at, store.ids.length);
  tiles.set(id, element);
  place(element, at);
  mark(element, id);
  field.append(element);
  describeKnown(id);
}

function dropTile(id) {
  const element = tiles.get(id);
  tiles.delete(id);
  dropThumb(element);
  element.remove();
}

let thumbs;
let lastTop = 0;
let lastTime = 0;
/** Thumbnails and facts are asked for when scrolling is slow or rests: what flies by costs nothing. */
function scheduleThumbs() {
  const now = performance.now();
  const speed = Math.abs(grid.scrollTop - lastTop) / Math.max(now - lastTime, 1);
  lastTop = grid.scrollTop;
  lastTime = now;
  clearTimeout(thumbs);
  if (speed < SLOW) showVisible();
  else thumbs = setTimeout(showVisible, 60);
}

function showVisible() {
  if (view.hidden) return;
  const near = store.ids.slice(...inSight(SPARE_ROWS));
  store.want(near);
  store.keep(near);
  for (const id of visibleIds()) if (tiles.has(id)) showThumb(tiles.get(id));
}

/** The pictures that are on the screen. */
export function visibleIds() {
  return view.hidden ? [] : store.ids.slice(...inSight(0));
}

function describeKnown(id) {
  const item = store.item(id);
  const element = tiles.get(id);
  if (!item || !element) return;
  describeTile(element, item);
  const [first, end] = inSight(0);
  const at = store.placeOf(id);
  if (at >= first && at < end) showThumb(element);
}

function mark(element, id) {
  element.classList.toggle("cursor", id === store.current);
  set(element, "aria-selected", String(store.selection.has(id)));
}

function showSelection() {
  for (const [id, element] of tiles) mark(element, id);
  showFoot();
}

function showCursor() {
  if (view.hidden) return;
  if (store.current !== undefined && !tiles.has(store.current)) addTile(store.current);
  for (const [id, element] of tiles) mark(element, id);
  set(grid, "aria-activedescendant", store.current === undefined ? null : `tile-${store.current}`);
  bringInSight(store.cursor);
  store.want([store.current].filter((id) => id !== undefined));
  showFoot();
}

function bringInSight(at) {
  const top = Math.floor(at / columns) * rowHeight();
  const bottom = top + rowHeight() + GAP;
  if (top < grid.scrollTop) grid.scrollTop = top;
  else if (bottom > grid.scrollTop + grid.clientHeight) grid.scrollTop = bottom - grid.clientHeight;
  layTiles();
}

/** The foot says what keys and its buttons act on. */
function showFoot() {
  const button = (words, key, run) => h("button", { title: `${words} (${key.toUpperCase()})`, onclick: run }, words);
  const selected = store.selection.size;
  const item = store.item(store.current);
  const judging = [button("Accept", "a", () => act("accepted")), button("Reject", "r", () => act("rejected")), button("Note…", "n", () => note(store.targets))];
  if (selected) {
    fill(foot.words, h("b", {}, `${count(selected, "picture")} selected`));
    fill(foot.buttons, judging, button("Select none", "Esc", () => store.select(store.ids, false)));
  } else if (item) {
    fill(foot.words, `${number(store.cursor + 1)} of ${number(store.ids.length)}: `, h("b", {}, shortName(item)), item.reason ? ` ${item.reason}` : "");
    fill(foot.buttons, item.sha256 ? judging : null, button("Open", "Enter", () => open(item.id)));
  } else {
    fill(foot.words, count(store.ids.length, "picture"));
    fill(foot.buttons);
  }
}

function clicked(event) {
  const element = event.target.closest(".tile");
  if (!element) return;
  const id = idOf(element.dataset.id);
  const at = store.placeOf(id);
  grid.focus({ preventScroll: true });
  if (event.shiftKey) selectTo(at);
  else if (event.ctrlKey || event.metaKey || event.target.closest(".tick")) toggle(at);
  else {
    store.moveTo(at);
    open(id);
  }
}

function toggle(at) {
  const id = store.ids[at];
  store.moveTo(at);
  anchor = at;
  store.select([id], !store.selection.has(id));
}

/** Selects from where Shift began to this place. */
function selectTo(at) {
  const to = clamp(at, 0, store.ids.length - 1);
  store.selection.clear();
  store.moveTo(to);
  store.select(store.ids.slice(Math.min(anchor, to), Math.max(anchor, to) + 1), true);
  announce(`${count(store.selection.size, "picture")} selected`);
}

function act(verdict) {
  const many = store.selection.size > 0;
  judge(store.targets, verdict, () => {
    if (many) store.select([...store.selection], false);
    else move(1);
  });
}

/** Moves the cursor; the screen reader hears of the next picture by the list itself. */
function move(by) {
  store.moveTo(store.cursor + by);
  anchor = store.cursor;
}

function titleSheet() {
  if (!view.hidden) document.title = store.film ? `${shortName(store.film)} – Review` : "Review";
}

export function showSheet() {
  view.hidden = false;
  titleSheet();
  layOut();
  showCursor();
  grid.focus({ preventScroll: true });
}

export function hideSheet() {
  view.hidden = true;
}

function bindKeys() {
  const page = () => Math.max(1, Math.floor(grid.clientHeight / rowHeight())) * columns;
  const steps = [
    ["ArrowLeft", () => -1], ["ArrowRight", () => 1], ["ArrowUp", () => -columns], ["ArrowDown", () => columns],
    ["PageUp", () => -page()], ["PageDown", page], ["Home", () => -store.ids.length], ["End", () => store.ids.length],
  ];
  bind("sheet", [
    { keys: ["Enter"], words: "Open the picture, or the shots of the film", run: () => store.current !== undefined && open(store.current) },
    { keys: ["x", "Space"], shown: "X or Space", words: "Select the picture, or take it out", run: () => toggle(store.cursor) },
    { keys: ["Ctrl+a"], shown: "Ctrl+A", words: "Select all that is listed", run: selectAll },
    { keys: ["Escape"], shown: "Esc", words: "Select none; from the shots of a film back to all", run: leave },
    { keys: [], shown: "Arrows", words: "Move; with Shift select" },
    { keys: ["a"], run: () => act("accepted") },
    { keys: ["r"], run: () => act("rejected") },
    { keys: ["c"], run: () => act(null) },
    { keys: ["n"], run: () => note(store.targets) },
    { keys: ["u"], run: takeBack },
    { keys: ["/", "f"], shown: "/", words: "Find by name", run: focusSearch },
    { keys: ["+", "="], shown: "+", words: "Larger thumbnails", run: () => resize(1) },
    { keys: ["-"], shown: "-", words: "Smaller thumbnails", run: () => resize(-1) },
    ...steps.map(([key, by]) => ({ keys: [key], run: () => move(by()) })),
    ...steps.map(([key, by]) => ({ keys: [`Shift+${key}`], run: () => selectTo(store.cursor + by()) })),
  ]);
}

function selectAll() {
  store.select(store.ids, true);
  announce(`${count(store.selection.size, "picture")} selected`);
}

/** From a filter back to the pictures, out of a selection, or out of a film. */
function leave() {
  if (document.activeElement !== grid) grid.focus({ preventScroll: true });
  else if (store.film && store.selection.size === 0) leaveFilm();
  else store.select(store.ids, false);
}

async function takeBack() {
  const [id] = await undo();
  if (store.placeOf(id) >= 0) store.moveTo(store.placeOf(id));
}

