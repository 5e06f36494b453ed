"use strict";
// A conversation with the model of this server, over its OpenAI-compatible API. Text is only ever set as text.

const by = (id) => document.getElementById(id);
const talk = by("talk");
let messages = [];
let running = null;

function say(role, text) {
  const article = document.createElement("article");
  article.className = role;
  article.textContent = text;
  talk.append(article);
  article.scrollIntoView({ block: "end" });
  return article;
}

function note(article, text) {
  const small = document.createElement("small");
  small.textContent = text;
  article.append(small);
}

function busy(controller) {
  running = controller;
  by("send").disabled = controller !== null;
  by("stop").hidden = controller === null;
}

// Server-sent events: a line "data: {...}" for each piece of the answer, "data: [DONE]" at the end.
async function* pieces(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ") || line.trim() === "data: [DONE]") continue;
      const event = JSON.parse(line.slice(6));
      if (event.error) throw new Error(event.error.message || "the server failed");
      yield event.choices?.[0]?.delta?.content ?? "";
    }
  }
}

async function ask(text) {
  const controller = new AbortController();
  busy(controller);
  by("hello").hidden = true;
  messages.push({ role: "user", content: text });
  say("user", text);
  const article = say("assistant", "");
  const system = by("system").value.trim();
  const began = performance.now();
  let answer = "";
  let count = 0;
  try {
    const response = await fetch("v1/chat/completions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      signal: controller.signal,
      body: JSON.stringify({
        messages: system ? [{ role: "system", content: system }, ...messages] : messages,
        temperature: Number(by("temperature").value),
        max_tokens: Number(by("tokens").value),
        stream: true,
      }),
    });
    if (!response.ok) throw new Error((await response.json()).error?.message || `the server said ${response.status}`);
    for await (const piece of pieces(response)) {
      answer += piece;
      count += piece ? 1 : 0;
      article.textContent = answer;
    }
    const seconds = (performance.now() - began) / 1000;
    note(article, `${count} tokens in ${seconds.toFixed(1)} s, ${(count / seconds).toFixed(1)} a second`);
  } catch (error) {
    if (error.name === "AbortError") note(article, "stopped");
    else say("problem", `It did not work: ${error.message}`);
  } finally {
    if (answer) messages.push({ role: "assistant", content: answer });
    busy(null);
    by("message").focus();
  }
}

by("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = by("message").value.trim();
  if (!text || running) return;
  by("message").value = "";
  ask(text);
});
by("message").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  by("ask").requestSubmit();
});
by("stop").addEventListener("click", () => running?.abort());
by("clear").addEventListener("click", () => {
  running?.abort();
  messages = [];
  talk.replaceChildren();
  by("hello").hidden = false;
  by("message").focus();
});

const address = new URL("v1", location.href).href;
by("curl").textContent = `curl ${address}/chat/completions -H 'Content-Type: application/json' \\
  -d '{"messages": [{"role": "user", "content": "Hello"}]}'`;
by("python").textContent = `from openai import OpenAI
client = OpenAI(base_url="${address}", api_key="none")`;
fetch("v1/models")
  .then((response) => response.json())
  .then((list) => {
    const name = list.data?.[0]?.id ?? "Model";
    by("model").textContent = name;
    document.title = `${name} · Orchard`;
  })
  .catch(() => {
    by("model").textContent = "The server does not answer";
  });
by("message").focus();
