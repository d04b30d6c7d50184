// Calls the page's back end, and lists its requests to the service.

import { words } from "./words.js";

const list = document.getElementById("requests");

/** A refusal: a `code` for programs, and a message for the user. */
export class Refusal extends Error {
  constructor(code, status) {
    super(words(code, status));
    this.code = code;
  }
}

/** Calls the back end, and resolves to the service's response. A call that creates something opens an account first. */
export async function ask(method, path, body) {
  if (method === "POST") await (opened ??= open());
  return send(method, path, body);
}

/** Whether the server knows this visitor, by a cookie. */
let opened = null;

export async function account() {
  const found = await send("GET", "account");
  if (found.account) opened = Promise.resolve();
  return found;
}

/** Opens an account, and checks that the browser kept its cookie. If not, opens no more accounts. */
async function open() {
  try {
    await send("POST", "account");
    if ((await send("GET", "account")).account) return;
  } catch (error) {
    opened = null;
    throw error;
  }
  throw new Refusal("no-cookies");
}

async function send(method, path, body) {
  const init = { method, headers: { accept: "application/json" } };
  if (method !== "GET") {
    init.headers["content-type"] = "application/json";
    init.body = JSON.stringify(body ?? {});
  }
  let response, said;
  try {
    response = await fetch(`/demo/api/${path}`, init);
    said = await response.json();
  } catch {
    throw new Error("The server does not answer. Is it still running?");
  }
  (said.exchanges ?? []).forEach(show);
  // A request that got no further than the server itself has an error of the service's shape.
  if (!response.ok) throw new Refusal(said.answer?.code ?? said.code, response.status);
  return said.answer;
}

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function show({ method, path, curl, status, answer }) {
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.append(
    element("span", "method", method),
    element("span", "path", path),
    element("span", status < 400 ? "ok" : "failed", String(status)),
  );
  const copy = element("button", "small", "Copy as curl");
  copy.type = "button";
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(curl);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Select the text above instead";
    }
    setTimeout(() => { copy.textContent = "Copy as curl"; }, 2000);
  });
  details.append(summary, element("pre", "curl", curl), copy);
  if (answer !== null) details.append(element("pre", "answer", JSON.stringify(answer, null, 2)));
  const item = document.createElement("li");
  item.append(details);
  list.prepend(item);
  document.getElementById("no-requests").hidden = true;
}
