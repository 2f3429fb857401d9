// The page begins here: session, places in the address, and following the ledger.
//
// Places: #/?filters is the sheet, #/?film=ID the shots of a film, #/ID?filters one picture, #/ID.3 a shot.

import { announce, announceError } from "./announce.js";
import { ApiError, openSession } from "./api.js";
import { dialogIsOpen, help, stop } from "./dialogs.js";
import { bind, useKeysOf } from "./keys.js";
import { buildPicture, hidePicture, showPicture, shownIds } from "./picture.js";
import { buildSheet, hideSheet, showSheet, visibleIds } from "./sheet.js";
import { NO_FILTERS, idOf, store } from "./store.js";
import { count } from "./words.js";

/** How often the ledger is looked at, in milliseconds. */
const FOLLOW = 2000;
const NO_SESSION = "This page is open to the one who started it: open the address that polychromify review prints, with all that follows its #.";

/** The address of a place under the present filters, without those that are not set. */
function address(id, filters) {
  const set = Object.entries(filters).filter(([name, value]) => value !== NO_FILTERS[name]);
  const query = set.length ? `?${new URLSearchParams(set)}` : "";
  return `#/${id ?? ""}${query}`;
}

function placeInAddress() {
  const [path, query] = location.hash.slice(2).split("?");
  const given = Object.fromEntries(new URLSearchParams(query ?? ""));
  const filters = Object.fromEntries(Object.entries(NO_FILTERS).map(([name, none]) => [name, given[name] ?? none]));
  return { id: /^\d+(\.\d+)?$/.test(path) ? idOf(path) : null, filters };
}

/** Shows what the address says. */
async function show() {
  const { id, filters } = placeInAddress();
  const same = store.summary && Object.keys(filters).every((name) => filters[name] === store.filters[name]);
  try {
    if (!same) await store.load(filters);
  } catch (error) {
    return failed(error);
  }
  if (id === null && filters.film && store.ids.length === 0) {
    // A film of before shots were told is looked at as a whole.
    history.replaceState(null, "", address(idOf(filters.film), { ...filters, film: "" }));
    return show();
  }
  document.getElementById("message").hidden = true;
  if (id === null) {
    hidePicture();
    useKeysOf("sheet");
    showSheet();
  } else {
    hideSheet();
    useKeysOf("picture");
    if (store.placeOf(id) >= 0) store.moveTo(store.placeOf(id));
    showPicture(id);
  }
}

/** Goes to a picture, or to the shots of a film. */
function open(id) {
  if (store.item(id)?.kind === "film" && !store.film) location.hash = address(null, { ...store.filters, film: id });
  else goTo(id);
}

/** Goes to a picture; the way back leads to the sheet, not through every picture that was judged. */
function goTo(id) {
  const to = address(id, store.filters);
  if (placeInAddress().id === null) location.hash = to;
  else {
    history.replaceState(null, "", to);
    show();
  }
}

function leave() {
  location.hash = address(null, store.filters);
}

/** From the shots of a film to where it is one of many. */
function leaveFilm() {
  location.hash = address(null, { ...store.filters, film: "" });
}

async function filter(filters) {
  history.replaceState(null, "", address(null, filters));
  try {
    await store.load(filters);
    announce(count(store.ids.length, "picture"));
  } catch (error) {
    if (error.status === 401) stop(NO_SESSION);
    else announceError(error);
  }
}

function failed(error) {
  if (!(error instanceof ApiError)) throw error;
  stop(error.status === 401 ? NO_SESSION : error.message);
}

let silent = false;
/** Follows the ledger for as long as the page is open and seen. */
async function follow() {
  if (!document.hidden) {
    try {
      await store.follow(() => [...visibleIds(), ...shownIds()]);
      if (silent) announce("The program answers again.");
      silent = false;
    } catch (error) {
      if (error.status === 401) return stop(NO_SESSION);
      if (!silent) announce(error.message, { urgent: true });
      silent = true;
    }
  }
  setTimeout(follow, FOLLOW);
}

async function start() {
  try {
    await openSession();
  } catch (error) {
    return failed(error);
  }
  buildSheet({ opens: open, about: goTo, leaves: leaveFilm, filters: filter, helps: help });
  buildPicture({ goes: goTo, leaves: leave, helps: help });
  bind("everywhere", [{ keys: ["?"], words: "These keys", run: () => dialogIsOpen() || help() }]);
  addEventListener("hashchange", () => openSession().then(show, failed));
  await show();
  if (store.summary) setTimeout(follow, FOLLOW);
}

start();
