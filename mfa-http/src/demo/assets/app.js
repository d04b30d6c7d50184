// The page: its buttons and its output.

import { account, ask } from "./back-end.js";
import * as ceremony from "./ceremony.js";
import { U2fKey } from "./u2f-key.js";

const $ = (id) => document.getElementById(id);
let u2fKey = null;

function say(section, outcome, text) {
  const status = $(`${section}-status`);
  status.className = `status ${outcome}`;
  status.textContent = text;
}

/** Runs a button's action, one at a time, and shows each failure as a message. */
async function run(section, button, action) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  say(section, "", "");
  try {
    say(section, "good", await action());
  } catch (error) {
    say(section, "bad", ceremony.words(error));
  } finally {
    button.removeAttribute("aria-busy");
  }
}

const on = (id, section, action) =>
  $(id).addEventListener("click", () => run(section, $(id), action));

function onSubmit(form, section, action) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run(section, event.submitter ?? form.querySelector("button"), action);
  });
}

// Authenticator app

function showTotp(enrolled, setup) {
  $("totp-enroll").textContent = enrolled ? "Set up another app" : "Set up an app";
  $("totp-enroll").className = enrolled ? "" : "primary";
  $("totp-form").hidden = !enrolled;
  $("totp-setup").hidden = !setup;
}

on("totp-enroll", "totp", async () => {
  const { imageUrl, totpKey } = await ask("POST", "totp");
  $("totp-qr").src = imageUrl;
  $("totp-key").textContent = totpKey.match(/.{1,4}/g).join(" ");
  showTotp(true, true);
  $("totp-code").value = "";
  $("totp-code").focus();
  return "Ready. Now type the code that the app shows.";
});

onSubmit($("totp-form"), "totp", async () => {
  const code = $("totp-code").value.replaceAll(" ", "");
  $("totp-code").select();
  await ask("PUT", "totp", { code });
  $("totp-setup").hidden = true;
  $("totp-code").value = "";
  return "Accepted. The same code will not work again.";
});

on("totp-remove", "totp", async () => {
  await ask("DELETE", "totp");
  showTotp(false, false);
  $("totp-enroll").focus();
  return "Removed.";
});

// Passkeys and security keys

async function register(kind) {
  const options = await ask("POST", "passkey");
  const credential = await ceremony.create(options, kind);
  await ask("PUT", "passkey", { credential, label: $("passkey-label").value });
  await showCredentials();
  return "Registered. Try to log in with it.";
}

onSubmit($("passkey-form"), "passkey", () => register("passkey"));
$("security-key").addEventListener("click", () => {
  if ($("passkey-form").reportValidity()) run("passkey", $("security-key"), () => register("security-key"));
});

on("login", "passkey", async () => {
  const credential = await ceremony.get(await ask("POST", "login"));
  await ask("PUT", "login", credential);
  await showCredentials();
  return "Logged in.";
});

const day = (time) => new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

function facts(credential) {
  const kind = credential.kind === "u2f" ? "U2F key, used through appid" : "WebAuthn credential";
  const created = credential.createdAt ? `created ${day(credential.createdAt)}` : "from before dates were kept";
  const used = credential.lastUsedAt ? `last used ${day(credential.lastUsedAt)}` : "not used yet";
  const backup = credential.backupEligible ? (credential.backupState ? "backed up" : "can be backed up") : "stays on its device";
  return credential.kind === "u2f" ? [kind] : [kind, created, used, backup];
}

function button(text, label, action) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: "small", textContent: text });
  made.setAttribute("aria-label", `${text} ${label}`);
  made.addEventListener("click", () => action(made));
  return made;
}

function rename(item, credential, name) {
  const form = document.createElement("form");
  const field = document.createElement("div");
  field.className = "field grow";
  const label = document.createElement("label");
  const input = Object.assign(document.createElement("input"), { maxLength: 100, value: name, required: true });
  input.id = label.htmlFor = `name-${credential.key_handle_hash}`;
  label.textContent = "New name";
  field.append(label, input);
  const save = Object.assign(document.createElement("button"), { className: "primary", textContent: "Save" });
  form.append(field, save);
  onSubmit(form, "passkey", async () => {
    await ask("PATCH", `credential/${credential.key_handle_hash}`, { label: input.value });
    await showCredentials();
    // The row is new. Move the focus back to where the renaming began.
    $(`rename-${credential.key_handle_hash}`)?.focus();
    return "Renamed.";
  });
  item.append(form);
  input.select();
}

function row(credential) {
  const item = document.createElement("li");
  const what = document.createElement("div");
  what.className = "what";
  const name = credential.label ?? (credential.kind === "u2f" ? "U2F key" : "Unnamed");
  const title = Object.assign(document.createElement("div"), { className: "name", textContent: name });
  const about = Object.assign(document.createElement("div"), { className: "facts" });
  about.textContent = facts(credential).join(" · ");
  what.append(title, about);
  item.append(what);
  if (credential.kind !== "u2f") {
    const begin = () => (item.querySelector("form") ? item.querySelector("input").select() : rename(item, credential, name));
    const made = button("Rename", name, begin);
    made.id = `rename-${credential.key_handle_hash}`;
    item.append(made);
  }
  item.append(button("Delete", name, (pressed) => run("passkey", pressed, async () => {
    const id = credential.kind === "u2f" ? "u2f" : credential.key_handle_hash;
    await ask("DELETE", `credential/${id}`);
    await showCredentials();
    $("passkey-label").focus();
    return "Deleted.";
  })));
  return item;
}

function showList(credentials) {
  $("credentials").replaceChildren(...credentials.map(row));
  $("login-row").hidden = credentials.length === 0;
}

async function showCredentials() {
  showList((await account()).credentials);
}

// A U2F key from years ago

on("u2f-begin", "u2f", async () => {
  const key = await U2fKey.make();
  const { challenge } = await ask("POST", "u2f");
  await ask("PUT", "u2f", await key.register(challenge));
  u2fKey = key;
  $("u2f-login").hidden = false;
  say("passkey", "", "");
  await showCredentials();
  return "The account has a U2F key now. Log in with it, or add a passkey to it above.";
});

on("u2f-login", "u2f", async () => {
  await ask("PUT", "login", await u2fKey.get(await ask("POST", "login")));
  await showCredentials();
  return "Logged in through appid.";
});

// The start

if (!window.isSecureContext || !/[a-z]/.test(location.hostname)) {
  $("localhost").href = `http://localhost:${location.port || 80}/demo`;
  $("insecure").hidden = false;
}
account()
  .then(({ totp, credentials }) => {
    showTotp(totp, false);
    showList(credentials);
  })
  .catch((error) => say("totp", "bad", error.message))
  .finally(() => $("main").removeAttribute("aria-busy"));
