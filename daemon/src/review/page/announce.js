// What is said: on the screen for a while, and to a screen reader.

const said = document.getElementById("said");
const heard = document.getElementById("heard");
let timer;

/** Says it. What is `urgent` stays until something else is said. */
export function announce(words, { urgent = false } = {}) {
  said.textContent = words;
  said.classList.toggle("urgent", urgent);
  said.classList.add("seen");
  clearTimeout(timer);
  if (!urgent) timer = setTimeout(() => said.classList.remove("seen"), 4000);
}

/** Says it to a screen reader alone: who sees the page sees it already. */
export function tellEars(words) {
  heard.textContent = words;
}

/** Says what went wrong. */
export function announceError(error) {
  announce(error.message, { urgent: true });
}
