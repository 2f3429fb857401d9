// The head of the sheet: what there is, and which of it is shown.

import { fill, h } from "./dom.js";
import { NO_FILTERS, store } from "./store.js";
import { count, notice, number, percent, shortName, toning } from "./words.js";

const STATUSES = [["done", "Colored"], ["queued", "Waiting"], ["running", "Being colored"], ["skipped", "Left alone"], ["failed", "Failed"]];
const VERDICTS = [["unjudged", "Not judged"], ["accepted", "Accepted"], ["rejected", "Rejected"]];
const ORDERS = [["doubt", "Most doubtful first"], ["name", "By name"], ["newest", "Newest first"]];
const TONINGS = ["gray", "toned", "color"];
const DOUBTS = ["0.25", "0.5", "0.75"];

/** The controls, by the name of their filter. */
const controls = {};
const head = {};
let changed;

/**
 * Builds the head; `filters` gets the filters after each change. Over the shots of a film they are
 * hidden, `leaves` goes back from there, `about` shows what is known of the film.
 */
export function filterBar({ filters, leaves, about }) {
  changed = filters;
  head.all = h("button", { "aria-label": "Back to all pictures (Esc)", title: "Back to all pictures (Esc)", hidden: true, onclick: leaves }, "← All");
  head.about = h("button", { hidden: true, onclick: () => about(store.film.id) }, "About the film");
  head.title = h("h1", {}, "Review");
  head.folder = h("span", { class: "place" });
  head.counts = h("span", { class: "counts" });
  head.arrived = h("button", { class: "primary", hidden: true, onclick: () => changed({ ...store.filters }) });
  head.clear = h("button", { onclick: () => changed({ ...NO_FILTERS, order: store.filters.order }) }, "Show all");
  const search = h("input", { type: "search", placeholder: "Part of the name", onchange: () => change("search", search.value.trim()) });
  const select = (name) => h("select", { onchange: (event) => change(name, event.target.value) });
  for (const name of Object.keys(NO_FILTERS)) controls[name] = name === "search" ? search : select(name);
  const labelled = (words, name) => h("label", { class: "filter" }, h("span", {}, words), controls[name]);
  return [
    h("div", { class: "line" }, head.all, head.title, head.folder, head.counts, head.arrived, head.about),
    (head.filters = h("div", { class: "filters", role: "search", "aria-label": "Which pictures are shown" },
      labelled("Name", "search"), labelled("Verdict", "verdict"), labelled("Doubt", "doubt_over"),
      labelled("Notices", "notice"), labelled("Status", "status"), labelled("Scan", "toning"),
      labelled("Folder", "folder"), labelled("Order", "order"), head.clear)),
  ];
}

function change(name, value) {
  changed({ ...store.filters, [name]: value });
}

/** Puts the focus on the name, which is what is looked for most. */
export const focusSearch = () => controls.search.focus();

function options(name, first, choices) {
  const chosen = store.filters[name];
  const all = first === null ? [] : [["", first]];
  fill(controls[name], [...all, ...choices].map(([value, words, amount]) =>
    h("option", { value, selected: value === chosen }, amount === undefined ? words : `${words} (${number(amount)})`)));
  controls[name].classList.toggle("set", chosen !== "" && name !== "order");
}

/** Shows the summary's numbers, and which filters are on. */
export function showSummary() {
  const { counts, verdicts, folders, notices, folder } = store.summary;
  const { film } = store;
  fill(head.title, film ? shortName(film) : "Review");
  fill(head.folder, film ? film.folder : folder);
  head.folder.title = folder;
  for (const part of [head.all, head.about]) part.hidden = !film;
  head.filters.hidden = Boolean(film);
  head.arrived.hidden = store.arrived <= 0;
  if (film) return fill(head.counts, h("span", {}, count(store.ids.length, "shot")));
  const parts = [count(counts.done, "result"), `${number(verdicts.accepted)} accepted`, `${number(verdicts.rejected)} rejected`, `${number(verdicts.unjudged)} to judge`];
  if (counts.running || counts.queued) parts.push(`${number(counts.queued + counts.running)} waiting`);
  if (counts.failed) parts.push(`${number(counts.failed)} failed`);
  fill(head.counts, parts.map((part) => h("span", {}, part)));
  fill(head.arrived, `Show ${number(store.arrived)} new`);
  head.clear.hidden = !store.filtered;
  if (document.activeElement?.matches("select")) return;
  controls.search.value = store.filters.search;
  options("status", "All", STATUSES.map(([name, words]) => [name, words, counts[name]]));
  options("verdict", "All", VERDICTS.map(([name, words]) => [name, words, verdicts[name]]));
  options("doubt_over", "All", DOUBTS.map((share) => [share, `${percent(share)} or more`]));
  const kinds = notices.map(({ kind, results }) => [kind, notice(kind), results]);
  options("notice", "All", [["any", "With notices"], ...kinds]);
  options("toning", "All", TONINGS.map((name) => [name, toning(name).replace(/^./, (first) => first.toUpperCase())]));
  options("folder", "All", folders.filter(({ path }) => path).map(({ path, results }) => [path, path, results]));
  options("order", null, ORDERS);
}
