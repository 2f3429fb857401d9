// What is known of one picture: notices, how it was made, who judged it.

import { h } from "./dom.js";
import { bytes, clock, notice, number, percent, setting, settingValue, status, toning, verdict, when } from "./words.js";

function list(rows) {
  return h("dl", { class: "facts" }, rows.filter(([, value]) => value)
    .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]).flat());
}

const hash = (sha256) => sha256 && h("code", { title: sha256 }, `${sha256.slice(0, 12)}…`);

const isHash = (name, value) => ["reference", "guidance", "hints"].includes(name) && typeof value === "string";

/** Sections for the panel beside the picture. */
export function facts(detail) {
  const sections = [];
  if (detail.reason) sections.push(section(status(detail), h("p", { class: "reason" }, detail.reason)));
  if (detail.notices.length) sections.push(section(`Notices (${detail.notices.length})`, notices(detail.notices)));
  sections.push(section("How it was made", made(detail)));
  if (detail.history?.length) sections.push(section("Verdicts", history(detail.history)));
  return sections;
}

function section(title, content) {
  return h("section", {}, h("h2", {}, title.replace(/^./, (first) => first.toUpperCase())), content);
}

function notices(all) {
  return h("ul", { class: "notices" }, all.map(({ kind, message, page }) =>
    h("li", {}, h("b", {}, notice(kind)), page ? ` (page ${page})` : "", h("br"), message)));
}

function made(detail) {
  const settings = Object.entries(detail.settings ?? {}).filter(([, value]) => value !== null && value !== false && value.length !== 0)
    .map(([name, value]) => [setting(name), isHash(name, value) ? hash(value) : settingValue(name, value)]);
  const shown = detail.tiles.after ?? detail.tiles.before;
  const smaller = shown && shown.width < shown.full_width;
  return list([
    ["Film", detail.shot && detail.name.slice(detail.name.lastIndexOf("/") + 1)],
    ["Begins", detail.shot && clock(detail.seconds)],
    ["Folder", detail.folder],
    ["Scan", h("span", { title: detail.source ?? "" }, detail.source_name)],
    ["Scan is", detail.toning && toning(detail.toning)],
    ["Size", detail.width && `${number(detail.width)} × ${number(detail.height)} pixels`],
    ["Shown here", smaller && `${number(shown.width)} × ${number(shown.height)}, as more takes more memory than it has (--memory)`],
    ["File", detail.bytes && bytes(detail.bytes)],
    ["Doubt", detail.doubt !== undefined ? percent(detail.doubt) : undefined],
    ["Made", detail.made_at && when(detail.made_at)],
    ["By", detail.software],
    ["Weights", detail.weights],
    ...settings,
    ["Settings", detail.own_settings ? "its own" : undefined],
    ["Scan SHA-256", hash(detail.source_sha256)],
    ["Result SHA-256", hash(detail.sha256)],
    ["Weights SHA-256", hash(detail.weights_sha256)],
  ]);
}

function history(entries) {
  return h("ol", { class: "history" }, entries.map((entry) =>
    h("li", {}, h("b", {}, entry.verdict ? verdict(entry) : "taken back"), entry.frame === null ? "" : ` (shot from frame ${number(entry.frame)})`, ` by ${entry.by}, ${when(entry.at)}`, entry.note ? h("q", {}, entry.note) : null)));
}
