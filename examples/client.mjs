// A consumer of the HTTP service, with nothing but Node (18 or later).
//
// Enrols a TOTP, computes its code as an authenticator app does, validates it, sees it refused a second time, begins a
// WebAuthn registration, deletes the TOTP; and reads errors, which have a status and a stable `code`.
//
//     MFA_URL=http://127.0.0.1:8080 MFA_API_KEY=… MFA_API_SECRET=… node examples/client.mjs

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";

// From the environment: other users of the machine see a program's arguments.
const { MFA_URL, MFA_API_KEY, MFA_API_SECRET } = process.env;
assert(MFA_URL && MFA_API_KEY && MFA_API_SECRET, "set MFA_URL, MFA_API_KEY and MFA_API_SECRET");

/** What the service refused, and why. Decide by `status` and `code`; `message` is for people. */
class MfaError extends Error {
  constructor(status, { code = "", message = "" }, retryAfter) {
    super(`${status} ${code}: ${message}`);
    this.status = status;
    this.code = code;
    // Seconds, with 429 (too many wrong codes) and 503 (try again).
    this.retryAfter = retryAfter;
  }
}

/** Sends a request; resolves to the JSON that came back, or null. */
async function call(method, path, { body = {}, headers = {} } = {}) {
  const response = await fetch(MFA_URL.replace(/\/$/, "") + path, {
    method,
    // fetch() sends none with GET.
    body: method === "GET" ? undefined : JSON.stringify(body),
    headers: {
      "content-type": "application/json",
      "x-mfa-apikey": MFA_API_KEY,
      "x-mfa-apisecret": MFA_API_SECRET,
      ...headers,
    },
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (response.ok) return text ? JSON.parse(text) : null;
  let error;
  try {
    error = JSON.parse(text);
  } catch {
    // Not the service's own words but those of a proxy before it.
    error = { message: response.statusText };
  }
  throw new MfaError(response.status, error, response.headers.get("retry-after"));
}

/** RFC 4648 §6. */
function fromBase32(text) {
  const bits = [...text].map((symbol) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(symbol).toString(2).padStart(5, "0"));
  return Buffer.from(bits.join("").match(/.{8}/g).map((byte) => parseInt(byte, 2)));
}

/** RFC 6238: HMAC-SHA-1 over the number of the half minute, truncated (RFC 4226 §5.3) to six digits. */
function totp(key, now) {
  const timeStep = Buffer.alloc(8);
  timeStep.writeBigUInt64BE(BigInt(Math.floor(now / 30_000)));
  const mac = createHmac("sha1", fromBase32(key)).update(timeStep).digest();
  const truncated = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
  return String(truncated % 1_000_000).padStart(6, "0");
}

const enrolled = await call("POST", "/totp", { body: { issuer: "Acme", label: "jo@example.com" } });
const path = `/totp/${enrolled.uuid}`;
console.log("enrolled", enrolled.uuid);

const code = totp(enrolled.totpKey, Date.now());
console.log("validated:", (await call("POST", `${path}/validate`, { body: { code } })).message);
await assert.rejects(call("POST", `${path}/validate`, { body: { code } }), (error) => {
  console.log("a second time:", error.message);
  return error instanceof MfaError && error.status === 401 && error.code === "code-not-accepted";
});

const headers = {
  "x-mfa-RPDisplayName": "Acme",
  "x-mfa-RPID": "example.com",
  "x-mfa-RPOrigin": "https://example.com",
  "x-mfa-Username": "jo@example.com",
  "x-mfa-UserDisplayName": "Jo",
};
// To be handed to navigator.credentials.create() in the user's browser, and what that returns to PUT.
const { publicKey } = await call("POST", "/webauthn/register", { headers });
console.log("began a registration, challenge of", Buffer.from(publicKey.challenge, "base64url").length, "bytes");

await call("DELETE", path);
await assert.rejects(call("GET", path), (error) => {
  console.log("deleted:", error.message);
  return error instanceof MfaError && error.status === 404;
});
