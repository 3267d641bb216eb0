/* What saves a reload or a keystroke. Every page works without it. */
"use strict";

const page = document.documentElement;
/* A field that is shown no more keeps what is pressed until the next frame; nobody types there. */
const typing = (at) => at.getClientRects().length && at.closest("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");
const all = (selector, act, root = document) => root.querySelectorAll(selector).forEach(act);

/* ---------- one press: copy, open, close, theme, shortcuts on or off ---------- */
document.addEventListener("click", async (event) => {
  const pressed = event.target.closest("[data-copy], [data-opens], [data-closes], [data-theme-to], [data-keys]");
  if (!pressed) return;
  const { copy, opens, closes, themeTo, keys } = pressed.dataset;
  if (copy) {
    const words = pressed.querySelector("[data-words]") || pressed;
    const before = words.textContent;
    try {
      await navigator.clipboard.writeText(document.querySelector(copy).textContent.trim());
      words.textContent = "Copied";
    } catch {
      words.textContent = "Select it and copy";
    }
    setTimeout(() => { words.textContent = before; }, 2000);
  }
  if (opens) { event.preventDefault(); document.getElementById(opens).showModal(); }
  if (closes) { event.preventDefault(); document.getElementById(closes).close(); }
  if (themeTo) {
    document.cookie = `theme=${themeTo}; path=/; max-age=31536000; samesite=lax`;
    page.dataset.theme = themeTo;
  }
  if (keys) {
    const off = localStorage.getItem("keys") === "off";
    localStorage.setItem("keys", off ? "on" : "off");
    pressed.textContent = off ? "Switch shortcuts off" : "Switch shortcuts on";
  }
});

/* ---------- a choice, and a field that counts in its place: only one of them is lit ---------- */
document.addEventListener("input", ({ target }) => {
  if (target.dataset.countsFor) {
    all(`[name="${target.dataset.countsFor}"]`, (choice) => { choice.checked = !target.value && choice.defaultChecked; });
  } else if (target.type === "radio") {
    all(`[data-counts-for="${target.name}"]`, (field) => { field.value = ""; });
  }
});

/* ---------- keyboard ---------- */
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = event.target.closest("form[data-submit-on='ctrl-enter']");
    if (form) form.requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || event.target.closest("dialog[open]")) return;
  if (localStorage.getItem("keys") === "off") return;
  const element = document.querySelector(`[data-shortcut="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!element) return;
  event.preventDefault();
  if (element.matches("input, textarea, select")) element.focus();
  else element.click();
});

/* ---------- time ---------- */
const minutes = (seconds) => {
  const days = Math.floor(seconds / 86400), hours = Math.floor(seconds / 3600) % 24, rest = Math.floor(seconds / 60) % 60;
  if (days) return hours ? `${days} d ${hours} h` : `${days} d`;
  if (hours) return rest ? `${hours} h ${rest} min` : `${hours} h`;
  return rest ? `${rest} min` : "under 1 min";
};
/* The server's clock counts, not this machine's: what is left is taken from when the page was rendered. */
const arrived = performance.now();
const tick = () => all("[data-countdown]", (shown) => {
  const left = Math.max(0, Number(shown.dataset.countdown) - Math.floor((performance.now() - (shown.since ??= arrived)) / 1000));
  if (left >= 60) shown.textContent = minutes(left);
});
setInterval(tick, 60000);

const prepare = (root) => {
  all("time[datetime]", (time) => { time.title ||= new Date(time.dateTime).toLocaleString(); }, root);
  all("[data-countdown]", (shown) => { shown.since = performance.now(); }, root);
  all("[data-hide-after]", (secret) => setTimeout(() => {
    secret.replaceChildren(secret.dataset.hidden || "Hidden again. It cannot be shown twice: if it was not copied, make a new one.");
    secret.removeAttribute("data-hide-after");
  }, Number(secret.dataset.hideAfter) * 1000), root);
};

/* ---------- live ---------- */
const title = document.title;
const retitle = (root) => {
  const said = root.querySelector?.("[data-title]") || document.querySelector("[data-title]");
  if (said) document.title = said.dataset.title ? `${said.dataset.title} ${title}` : title;
};
document.addEventListener("htmx:beforeRequest", (event) => {
  /* A hidden tab asks for nothing; it catches up when it is looked at again. */
  if (document.hidden && event.detail.requestConfig.triggeringEvent?.type !== "submit") event.preventDefault();
});
document.addEventListener("htmx:afterSettle", (event) => { prepare(event.target); retitle(event.target); });
document.addEventListener("htmx:beforeSwap", (event) => {
  /* An answer that is a no says so in a corner; what is on the page stays. */
  if (event.detail.isError && event.detail.xhr.getResponseHeader("HX-Retarget")) event.detail.shouldSwap = true;
});
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) location.reload();
});
const look = () => all("[data-live]", (live) => window.htmx?.trigger(live, "look"));
/* Where the server offers a stream, a name on it is a reason to look now. It says nothing else, and polling goes on. */
let stream;
const listen = () => {
  const offer = document.querySelector("[data-stream]");
  if (!offer || stream) return;
  stream = new EventSource(offer.dataset.stream);
  stream.onmessage = look;
};
document.addEventListener("htmx:afterSettle", listen);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) { look(); listen(); return; }
  stream?.close();
  stream = null;
});

/* What a button showed must not be there when somebody else presses Back. */
window.addEventListener("pagehide", () => all("[data-hide-after]", (secret) => secret.replaceChildren()));
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

all("[data-keys]", (button) => { if (localStorage.getItem("keys") === "off") button.textContent = "Switch shortcuts on"; });
prepare(document);
retitle(document);
