// Facts in words. What the program calls a state is here what an archivist calls it.

const STATUS = { queued: "waiting", running: "being colored", done: "colored", skipped: "left alone", failed: "failed" };
const VERDICT = { accepted: "accepted", rejected: "rejected", unjudged: "not judged" };
const TONING = { gray: "black and white", toned: "toned or yellowed", color: "in color already" };
const SETTING = {
  saturation: "Strength", variant: "Coloring", borders: "Borders", hints: "Hints", reference: "Reference",
  format: "Format", profile: "Color space", quality: "JPEG quality", max_side: "Longest side", invert: "Negative",
  mark: "Visible mark", codec: "Codec", steadiness: "Steadiness", guidance: "Guided by", precision: "Calculated in", source_type: "Label",
};
const SETTING_VALUE = {
  "format same": "as the scan", "borders auto": "left neutral", "borders keep": "colored too",
  "variant 1": "likeliest", "variant 2": "second", "variant 3": "third", "invert true": "yes", "mark true": "yes",
};
const NOTICE = {
  "profile-ignored": "Color profile ignored", "ink-profile-ignored": "CMYK profile ignored",
  "inks-without-profile": "CMYK without a profile", "meaning-assumed": "Meaning of values assumed",
  "extended-xmp-incomplete": "Extended XMP not whole", "xmp-left-out": "XMP left out",
  "block-too-large": "Metadata too large for JPEG", "tags-too-large": "Tags too large for JPEG",
  "tags-unreadable": "Tags unreadable", "tags-over-limit": "Too many tags", "metadata-over-limit": "Too much metadata",
  "stray-bytes": "Stray bytes", "end-marker-missing": "End mark missing", "text-broken": "Text unreadable",
  "xmp-characters": "Forbidden characters in XMP", "exif-broken": "EXIF broken",
  "repeated-left-out": "Repeated metadata left out", "no-place": "No place in the format",
  "trailer-left-out": "Data behind the picture left out", "not-of-result": "Not true of a result, left out",
  "extra-samples": "Extra samples left out", "infrared-left-out": "Infrared page left out",
  "preview-left-out": "Preview page left out",
};

const numbers = new Intl.NumberFormat("en");
const times = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

export const number = (value) => numbers.format(value);
export const percent = (share) => `${Math.round(share * 100)}%`;
export const status = (item) => STATUS[item.status] ?? item.status;
export const verdict = (item) => VERDICT[item.verdict ?? "unjudged"];
export const toning = (name) => TONING[name] ?? name;
export const setting = (name) => SETTING[name] ?? name.replaceAll("_", " ");
export const settingValue = (name, value) =>
  SETTING_VALUE[`${name} ${value}`] ?? (Array.isArray(value) ? number(value.length) : String(value));
export const bytes = (amount) => `${numbers.format(Math.round(amount / 1e4) / 100)} MB`;
export const when = (time) => times.format(new Date(time));

/** "1 picture", "1,200 pictures". */
export const count = (amount, one, many = `${one}s`) => `${number(amount)} ${amount === 1 ? one : many}`;

/** The words of a kind of notice: "no-place" is "No place in the format". */
export function notice(kind) {
  return NOTICE[kind] ?? kind.charAt(0).toUpperCase() + kind.slice(1).replaceAll("-", " ");
}

/** A second of a film, as players show it: "1:02:12.4". */
export function clock(seconds) {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor((seconds % 60) * 10) / 10];
  const [hours, minutes, rest] = [parts[0], parts[1], parts[2].toFixed(1)];
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest.padStart(4, "0")}` : `${minutes}:${rest.padStart(4, "0")}`;
}

/** The name without its folder; of a shot its number and where it begins. */
export function shortName(item) {
  if (item.shot) return `Shot ${number(item.shot)}, ${clock(item.seconds)}`;
  return item.name.slice(item.name.lastIndexOf("/") + 1);
}

/** What a screen reader says of a picture in the sheet. */
export function describe(item) {
  const parts = [item.kind === "film" ? `Film ${shortName(item)}` : shortName(item)];
  if (item.sha256) parts.push(verdict(item));
  if (item.status !== "done") parts.push(status(item));
  if (item.reason) parts.push(item.reason);
  if (item.doubt !== undefined) parts.push(`doubt ${percent(item.doubt)}`);
  if (item.notices) parts.push(count(item.notices, "notice"));
  if (item.note) parts.push(`note: ${item.note}`);
  return parts.join(", ");
}
