// The list of pictures under the filters, and what is known of each.
//
// The list is asked for once a filter changes and then stands still: a picture that was just
// accepted does not slip away under the filter "not judged", and a batch that goes on does not
// shift what lies under the hand. What is on the screen is asked for as it comes in sight.

import { get } from "./api.js";
import { announceError } from "./announce.js";

/** With a `film` its shots are the list, and the other filters wait. */
export const NO_FILTERS = { film: "", search: "", status: "", verdict: "", notice: "", doubt_over: "", folder: "", toning: "", order: "doubt" };

/** Most pictures that are asked for at once. */
const PORTION = 1000;

/** From how many pictures on what is known of those far away is forgotten. */
const KEPT = 1000;

/** What has a number, as an address or an element tells it: `17` is an input, `17.3` a shot of a film. */
export const idOf = (text) => (text.includes(".") ? text : Number(text));

class Store extends EventTarget {
  summary = null;
  filters = { ...NO_FILTERS };
  ids = [];
  /** The film whose shots are listed. */
  film = null;
  /** Results when the list was made: what came since is offered, not pushed in. */
  #doneThen = 0;
  #places = new Map();
  #items = new Map();
  #wanted = new Set();
  #asked = new Set();
  selection = new Set();
  /** Place in the list that keys act on. */
  cursor = 0;

  item(id) {
    return this.#items.get(id);
  }

  get current() {
    return this.ids[this.cursor];
  }

  placeOf(id) {
    return this.#places.get(id) ?? -1;
  }

  /** Results that came since the list was made. */
  get arrived() {
    return this.summary && !this.film ? this.summary.counts.done - this.#doneThen : 0;
  }

  get filtered() {
    return Object.keys(NO_FILTERS).some((name) => name !== "order" && name !== "film" && this.filters[name] !== "");
  }

  /** Makes the list anew; the cursor stays on its picture where that is still in it. */
  async load(filters = this.filters) {
    const before = this.film && !filters.film ? this.film.id : this.current;
    this.filters = { ...NO_FILTERS, ...filters };
    const { film } = this.filters;
    const [{ ids }, summary, { items }] = await Promise.all([
      get("/api/ids", this.filters), get("/api/summary"),
      film ? get("/api/results", { ids: film }) : { items: [] },
    ]);
    this.summary = summary;
    this.film = items[0] ?? null;
    this.#doneThen = summary.counts.done;
    this.ids = ids;
    this.#places = new Map(ids.map((id, place) => [id, place]));
    this.selection.clear();
    this.cursor = Math.max(this.placeOf(before), 0);
    this.#tell("summary");
    this.#tell("list");
  }

  /** Forgets, once much is known, all but these pictures and the one under the cursor. */
  keep(ids) {
    if (this.#items.size <= KEPT) return;
    const kept = new Set([...ids, this.current]);
    for (const id of this.#items.keys()) if (!kept.has(id)) this.#items.delete(id);
  }

  /** Asks for pictures that are not known yet. */
  want(ids) {
    if (this.#wanted.size === 0) queueMicrotask(() => this.#fetchWanted());
    for (const id of ids) if (!this.#items.has(id) && !this.#asked.has(id)) this.#wanted.add(id);
  }

  async #fetchWanted() {
    const ids = [...this.#wanted];
    if (ids.length === 0) return;
    this.#wanted.clear();
    for (const id of ids) this.#asked.add(id);
    await this.refresh(ids).catch(announceError);
    for (const id of ids) this.#asked.delete(id);
  }

  /** All of these, as far as the program knows them; asked for where they are not known yet. */
  async known(ids) {
    await this.refresh(ids.filter((id) => !this.#items.has(id)));
    return ids.map((id) => this.#items.get(id)).filter(Boolean);
  }

  /** Asks anew for pictures. */
  async refresh(ids) {
    for (let at = 0; at < ids.length; at += PORTION) {
      const { items } = await get("/api/results", { ids: ids.slice(at, at + PORTION).join(",") });
      this.put(items);
    }
  }

  /** Takes over what is known of pictures by now. */
  put(items) {
    for (const item of items) this.#items.set(item.id, item);
    if (items.length) this.#tell("items", items.map((item) => item.id));
  }

  moveTo(place) {
    this.cursor = Math.min(Math.max(place, 0), Math.max(this.ids.length - 1, 0));
    this.#tell("cursor");
  }

  select(ids, selected) {
    for (const id of ids) selected ? this.selection.add(id) : this.selection.delete(id);
    this.#tell("selection");
  }

  /** What a key acts on: the selected pictures, or else the one under the cursor. */
  get targets() {
    if (this.selection.size) return [...this.selection];
    return this.current === undefined ? [] : [this.current];
  }

  /** Follows the ledger: asks for the summary, and where it changed for what `visible` names. */
  async follow(visible) {
    const summary = await get("/api/summary");
    const changed = summary.revision !== this.summary?.revision;
    this.summary = summary;
    if (!changed) return;
    this.#tell("summary");
    await this.refresh(visible().filter((id) => this.#items.has(id)));
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

export const store = new Store();
