// What the page asks of the program. Every answer is JSON but pictures.

/** The program refused or is not there; the message is a sentence. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const GONE = "The program does not answer. It may have been stopped: start polychromify review again.";

async function send(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new ApiError(0, GONE);
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new ApiError(answer.status, told.error ?? `The program answers ${answer.status}.`);
}

/** Asks; `question` is an object whose empty entries are left out. */
export async function get(path, question = {}) {
  const asked = Object.entries(question).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const query = asked.length ? `?${new URLSearchParams(asked)}` : "";
  return (await send(path + query, { cache: "no-store" })).json();
}

function post(path, body, type) {
  return send(path, { method: "POST", headers: { "X-Polychromify": "1", "Content-Type": type }, body });
}

/** Tells the program to do something. */
export async function tell(path, body) {
  return (await post(path, JSON.stringify(body), "application/json")).json();
}

/** A picture with these settings at screen size, and the token under which its tiles are painted. */
export async function look(id, settings) {
  const answer = await post(`/api/look/${id}`, JSON.stringify(settings), "application/json");
  return { token: answer.headers.get("X-Polychromify-Look"), picture: await answer.blob() };
}

/** Hands a photograph over, whose colors another one shall take. */
export async function upload(file) {
  return (await post("/api/reference", file, file.type || "application/octet-stream")).json();
}

/**
 * Exchanges the token of the address for a cookie. It is taken out of the address bar and the
 * history, so that nobody reads it over a shoulder.
 */
export async function openSession() {
  const token = location.hash.slice(1);
  if (token && !token.startsWith("/")) {
    history.replaceState(null, "", location.pathname);
    await tell("/api/session", { token });
  }
}

/**
 * Runs `ask` for the newest argument only: one at a time, and what was asked meanwhile and is
 * older than the newest is dropped, so that a picture follows a slider without a queue.
 */
export function newest(ask) {
  let running = false;
  let waiting = null;
  return async function request(argument) {
    waiting = { argument };
    if (running) return;
    running = true;
    try {
      while (waiting) {
        const next = waiting;
        waiting = null;
        await ask(next.argument, () => waiting === null);
      }
    } finally {
      running = false;
    }
  };
}
