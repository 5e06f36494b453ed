// Everything on these pages can be read and done without this file. It adds copy buttons and one key.
"use strict";

document.documentElement.classList.add("scripted");

const spoken = document.getElementById("spoken");

// The clipboard API is there only on https and localhost; a hub in the office network often has neither.
async function copy(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.className = "sr-only";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("the browser refused");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  const from = button.dataset.from;
  const text = from ? document.getElementById(from).textContent : button.dataset.copy;
  try {
    await copy(text);
  } catch {
    spoken.textContent = "Could not copy; select the text instead.";
    return;
  }
  button.focus();
  button.classList.add("copied");
  spoken.textContent = "Copied";
  setTimeout(() => {
    button.classList.remove("copied");
    spoken.textContent = "";
  }, 1600);
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  document.getElementById("search").select();
});

// A page of which something is still missing looks whether it has come, and shows it.
async function wait(tries) {
  await new Promise((resolve) => setTimeout(resolve, Math.min(1000 * 1.3 ** tries, 15000)));
  const answer = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
  if (answer?.ok && !(await answer.text()).includes(" data-waiting")) location.reload();
  else if (tries < 60) wait(tries + 1);
}
if (document.querySelector("[data-waiting]")) wait(0);
