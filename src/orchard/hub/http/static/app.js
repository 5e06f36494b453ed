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

// What people did in a region, kept when it is shown anew: where they are, what they opened, typed and scrolled.
function place(root, node) {
  return node.id ? `#${CSS.escape(node.id)}` : [...root.querySelectorAll(node.localName)].indexOf(node);
}

function at(root, name, where) {
  return typeof where === "string" ? root.querySelector(where) : root.querySelectorAll(name)[where];
}

function keep(root) {
  const all = (selector, what) =>
    [...root.querySelectorAll(selector)].map((node) => [node.localName, place(root, node), what(node)]);
  const typed = (node) =>
    node.type === "checkbox" || node.type === "radio"
      ? node.checked !== node.defaultChecked && { checked: node.checked }
      : node.localName === "select"
        ? [...node.options].some((one) => one.selected !== one.defaultSelected) && { value: node.value }
        : node.value !== node.defaultValue && { value: node.value };
  const active = root.contains(document.activeElement) ? document.activeElement : null;
  return {
    focus: active && [active.localName, place(root, active)],
    cursor: active?.matches("input, textarea") ? [active.selectionStart, active.selectionEnd] : null,
    details: all("details", (node) => ({ open: node.open })),
    typed: all("input, select, textarea", typed).filter(([, , what]) => what),
    scrolled: all(".scroller, pre", (node) => ({ scrollLeft: node.scrollLeft, scrollTop: node.scrollTop })),
    window: [scrollX, scrollY],
  };
}

function restore(root, kept) {
  for (const [name, where, what] of [...kept.details, ...kept.typed, ...kept.scrolled]) {
    const node = at(root, name, where);
    if (node) Object.assign(node, what);
  }
  const focus = kept.focus && at(root, ...kept.focus);
  focus?.focus({ preventScroll: true });
  if (focus && kept.cursor?.[0] != null) focus.setSelectionRange(...kept.cursor);
  scrollTo(...kept.window);
}

// A region of which something is still to come listens at its data-live, and is fetched again when it has changed.
class Live {
  constructor(id) {
    this.id = id;
    this.tries = 0;
    this.turn = Promise.resolve();
    this.listen();
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.source?.close(); // a browser opens six connections at once, for all of its windows
      else if (this.source?.readyState === EventSource.CLOSED && !this.timer) this.listen();
    });
  }

  get region() {
    return document.getElementById(this.id);
  }

  listen() {
    const { live, seen } = this.region?.dataset ?? {};
    if (!live) return;
    this.url = live;
    const query = seen === undefined ? "" : `${live.includes("?") ? "&" : "?"}seen=${encodeURIComponent(seen)}`;
    this.source = new EventSource(live + query);
    this.source.addEventListener("changed", () => this.renew());
    this.source.addEventListener("ended", async () => {
      this.source.close();
      await this.renew();
      if (this.region?.dataset.live) this.look();
    });
    this.source.addEventListener("error", () => {
      if (this.source.readyState === EventSource.CLOSED) this.look();
    });
  }

  // Where nobody tells, it looks for itself, and ever less often.
  look() {
    if (this.tries > 60 || this.timer) return;
    this.timer = setTimeout(
      async () => {
        await this.renew();
        this.timer = 0;
        if (this.region?.dataset.live) this.look();
      },
      Math.min(1000 * 1.3 ** this.tries++, 15000),
    );
  }

  renew() {
    this.turn = this.turn.then(() => this.show()).catch(() => {});
    return this.turn;
  }

  async show() {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok || answer.redirected) return;
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(this.id);
    const old = this.region;
    if (!found || !old) return;
    const kept = keep(old);
    const fresh = document.adoptNode(found);
    old.replaceWith(fresh);
    restore(fresh, kept);
    const { live } = fresh.dataset;
    if (live && live !== this.url && this.source.readyState !== EventSource.CLOSED) {
      this.source.close();
      this.listen();
    }
    if (live) return;
    this.source.close();
    spoken.textContent = "Brought up to date";
  }
}
for (const region of document.querySelectorAll("[data-live][id]")) new Live(region.id);
