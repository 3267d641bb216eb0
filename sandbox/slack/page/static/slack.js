// Saves reloads; every form works without it.
"use strict";

const { me, version, overIt } = document.body.dataset;

// What follows a choice in Slack at once has a button here: press it for the person.
for (const button of document.querySelectorAll("button[data-follows]")) {
  const field = document.getElementById(button.dataset.follows);
  if (field && field.tagName === "SELECT" && !field.multiple) {
    button.hidden = true;
    field.addEventListener("change", () => button.click());
  }
}

// Whoever presses something stays where they are, with what it opens over it; otherwise the newest message is shown.
const here = `at ${location.pathname}`;
document.addEventListener("submit", (event) => {
  if (!event.target.matches(".composer")) sessionStorage.setItem(here, String(scrollY));
});
const kept = sessionStorage.getItem(here);
sessionStorage.removeItem(here);
if (kept !== null) scrollTo(0, Number(kept));
else if (!location.hash) document.querySelector(".message:last-child")?.scrollIntoView({ block: "end" });

const first = document.querySelector("[role=alertdialog] button[value=yes], [role=dialog] .modal-blocks :is(input:not([type=hidden]), select, textarea)");
if (first) first.focus({ preventScroll: true });

const isBusy = () => {
  const field = document.activeElement;
  return Boolean(document.querySelector("[role=alertdialog]")) ||
    (field && field.matches("input, textarea, select") && (field.value || field.closest("[role=dialog]")));
};

// Whoever has gone on to another page is not brought back by news of this one.
let isLeaving = false;
addEventListener("beforeunload", () => { isLeaving = true; });

// Nobody is interrupted for news; but a form or a question that is gone, sent or closed in another window, has to go here.
if (me) {
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(`/as/${me}/version`).catch(() => null);
    if (!answer || !answer.ok) return;
    const [now, over] = (await answer.text()).split("\n");
    if (isLeaving) return;
    const isGone = Boolean(overIt.trim()) && over !== overIt;
    if (isGone || (now !== version && !isBusy())) location.reload();
  }, 1500);
}
