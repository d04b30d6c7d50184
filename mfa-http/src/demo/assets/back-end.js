// The page's own back end, and the list of what it asked of the service.

const list = document.getElementById("requests");

/** A refusal in words: the service's `code` and what it means here. */
export class Refusal extends Error {
  constructor(code, status) {
    super(words(code, status));
    this.code = code;
  }
}

function words(code, status) {
  const known = {
    "code-not-accepted": "Not accepted: the code is wrong, too old, or was used already.",
    "throttled": "Too many failed attempts. Wait a little, then try again.",
    "totp-disabled": "Too many failed attempts. Remove the app and set it up again.",
    "totp-not-found": "There is no app to check. Set one up first.",
    "unavailable": "The service cannot reach its store just now. Try again.",
    "sign-count": "Refused: the key's counter went back, so it may be a copy.",
    "invalid-label": "A name has 100 characters at most.",
  };
  return known[code] ?? `The service refused it (${code ?? status}).`;
}

/** Asks the back end; resolves to the service's answer. */
export async function ask(method, path, body) {
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
  if (said.answer?.code === "no-account") {
    // The server was restarted; loading the page opens an account.
    location.reload();
    return new Promise(() => {});
  }
  (said.exchanges ?? []).forEach(show);
  if (!response.ok) throw new Refusal(said.answer?.code, response.status);
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
