// One picture of the contact sheet.

import { fill, h, set } from "./dom.js";
import { describe, percent, shortName, status } from "./words.js";

const MARK = { accepted: "✓", rejected: "✕" };

/** An empty tile, for the picture at this place of the list. */
export function tile(id, place, total) {
  return h("div", { class: "tile", role: "option", id: `tile-${id}`, "data-id": id, "aria-posinset": place + 1, "aria-setsize": total },
    h("span", { class: "frame" }),
    h("span", { class: "tick", "aria-hidden": true, title: "Select (X)" }),
    h("span", { class: "name" }),
    h("span", { class: "marks" }));
}

/** Writes into a tile what is known of its picture. The thumbnail is asked for by `showThumb`. */
export function describeTile(element, item) {
  const key = JSON.stringify([item.thumb, item.verdict, item.status, item.note, item.notices, item.doubt]);
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  set(element, "aria-label", describe(item));
  element.dataset.verdict = item.verdict ?? "";
  element.dataset.thumb = item.thumb ?? "";
  const [frame, , name, marks] = element.children;
  fill(name, shortName(item));
  name.title = item.name;
  const found = item.kind === "film" ? [h("span", {}, "film")] : [];
  if (item.verdict) found.push(h("b", { class: item.verdict }, MARK[item.verdict]));
  if (item.doubt !== undefined) found.push(h("span", { class: "doubt", title: "How unsure the program was of the colors" }, `doubt ${percent(item.doubt)}`));
  if (item.notices) found.push(h("span", { title: "Notices: what of the file was left out or assumed" }, `! ${item.notices}`));
  if (item.note) found.push(h("span", { title: item.note }, "note"));
  if (item.own_settings) found.push(h("span", { title: "Made with settings of its own" }, "mended"));
  if (item.status !== "done") found.push(h("span", { class: "status" }, status(item)));
  fill(marks, found);
  if (!item.thumb) fill(frame, h("span", { class: "reason" }, item.reason ?? status(item)));
  else if (frame.firstChild?.dataset?.address !== item.thumb) fill(frame);
}

/** Asks for the thumbnail of a tile that is in sight. */
export function showThumb(element) {
  const address = element.dataset.thumb;
  const frame = element.firstChild;
  if (!address || frame.firstChild) return;
  const image = h("img", { alt: "", decoding: "async", draggable: "false", "data-address": address });
  image.addEventListener("error", () => image.replaceWith(h("span", { class: "reason" }, "No thumbnail")));
  image.src = address;
  frame.append(image);
}

/** Lets a thumbnail go, also one that did not come in time: what is in sight by now goes first. */
export function dropThumb(element) {
  element.querySelector("img")?.removeAttribute("src");
}
