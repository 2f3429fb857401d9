// Verdicts and notes, of one picture or of many, and taking them back.
//
// A verdict is told with the SHA-256 of the result that was on the screen, so that it never falls
// on a result that was made since and that nobody has seen.

import { announce, announceError } from "./announce.js";
import { tell } from "./api.js";
import { askNote, confirm } from "./dialogs.js";
import { store } from "./store.js";
import { count, shortName, verdict as inWords } from "./words.js";

const DOING = { accepted: "Accept", rejected: "Reject", null: "Take back the verdict of" };
const DONE = { accepted: "Accepted", rejected: "Rejected", null: "No verdict any more" };

/** Most pictures that are judged by one request. */
const PORTION = 10_000;

/** From how many on it takes a moment to say what they are. */
const MANY = 1000;

/** What can be taken back, newest last: { undo: [token, ..], ids, words }. */
const past = [];

/** Judgements reach the program in the order of the keys, also when they come faster than answers. */
let turn = Promise.resolve();
const inTurn = (task) => (turn = turn.then(task, task));

/** Those that have a result to judge, and sentences on what they are. */
function sort(items) {
  const judgeable = items.filter((item) => item.sha256);
  const lines = ["accepted", "rejected", undefined].map((verdict) => [verdict, judgeable.filter((item) => item.verdict === verdict).length])
    .filter(([, amount]) => amount)
    .map(([verdict, amount]) => `${count(amount, "picture")} ${inWords({ verdict })}${verdict ? " until now" : " yet"}`);
  const without = items.length - judgeable.length;
  if (without) lines.push(`${count(without, "picture")} without a result: left as ${without === 1 ? "it is" : "they are"}`);
  return { judgeable, lines };
}

function names(items) {
  const shown = items.slice(0, 3).map(shortName).join(", ");
  return items.length > 3 ? `${shown} and ${count(items.length - 3, "other")}` : shown;
}

/** Sends a judgement and takes over what it changes; says whether all was done. */
async function send(items, change, words) {
  const ids = items.map((item) => item.id);
  const entry = { undo: [], ids, words };
  let stale = 0;
  for (let at = 0; at < items.length; at += PORTION) {
    const told = items.slice(at, at + PORTION).map(({ id, sha256 }) => ({ id, sha256 }));
    const answer = await tell("/api/verdicts", { items: told, ...change });
    if (answer.changed) entry.undo.push(answer.undo);
    stale += answer.stale.length;
  }
  if (entry.undo.length) past.push(entry);
  await store.refresh(ids);
  if (stale) {
    announce(`${count(stale, "picture")} made anew since you saw ${stale === 1 ? "it" : "them"}: not judged. Look again.`, { urgent: true });
  }
  return stale === 0;
}

/**
 * Gives these pictures a verdict, "accepted", "rejected" or null for none. One is judged at once,
 * `moved` is called before the answer is there, so that judging is as fast as looking; for several
 * it is asked first.
 */
export async function judge(ids, verdict, moved = () => {}) {
  try {
    if (ids.length > MANY) announce(`Looking at ${count(ids.length, "picture")}…`);
    const { judgeable, lines } = sort(await store.known(ids));
    if (judgeable.length === 0) return announce("There is no result to judge here.");
    const many = ids.length > 1;
    const what = many ? count(judgeable.length, "picture") : shortName(judgeable[0]);
    const words = `${DONE[verdict]}: ${what}`;
    if (many && !(await confirm(`${DOING[verdict]} ${what}?`, [...lines, names(judgeable)], `${DOING[verdict]} ${count(judgeable.length, "picture")}`))) return;
    if (!many) store.put([{ ...judgeable[0], verdict: verdict ?? undefined }]);
    moved();
    announce(`${words}. U takes it back.`);
    await inTurn(() => send(judgeable, { verdict }, words));
  } catch (error) {
    announceError(error);
    store.refresh(ids).catch(() => {});
  }
}

/** Asks for a note on these pictures. */
export async function note(ids) {
  try {
    const { judgeable } = sort(await store.known(ids));
    if (judgeable.length === 0) return announce("There is no result to note something on.");
    const what = judgeable.length > 1 ? count(judgeable.length, "picture") : shortName(judgeable[0]);
    const before = judgeable.length === 1 ? judgeable[0].note : "";
    const text = await askNote(`Note on ${what}`, before);
    if (text === null) return;
    const words = `Note on ${what}`;
    if (await inTurn(() => send(judgeable, { note: text || null }, words))) announce(text ? `${words} saved.` : `${words} taken away.`);
  } catch (error) {
    announceError(error);
  }
}

/** Takes the last judgement back; resolves to the pictures it was of. */
export function undo() {
  return inTurn(async () => {
    const last = past.at(-1);
    if (!last) {
      announce("There is nothing to take back.");
      return [];
    }
    try {
      // What was not taken back, because the program did not answer, can be tried again.
      for (; last.undo.length; last.undo.pop()) await tell("/api/undo", { undo: last.undo.at(-1) });
      past.pop();
      await store.refresh(last.ids);
      announce(`Taken back: ${last.words}.`);
      return last.ids;
    } catch (error) {
      announceError(error);
      return [];
    }
  });
}
