// What an application does first, through a client that is made from the contract: enrol and validate a TOTP, register
// a passkey, list the user's credentials.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";

import createClient from "openapi-fetch";

import { create } from "./authenticator.js";
import type { components, paths } from "./contract.d.ts";

type Schemas = components["schemas"];
const ORIGIN = "https://login.example.com";

function setting(name: string): string {
  const value = process.env[name];
  assert(value, `${name} is not set`);
  return value;
}

/** The code of this moment: RFC 4226 §5.3, RFC 6238 §4. */
function codeNow(totpKey: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...totpKey].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac("sha1", key).update(counter).digest();
  const value = mac.readUInt32BE(mac.readUInt8(19) & 0x0f) & 0x7fffffff;
  return String(value % 1_000_000).padStart(6, "0");
}

const client = createClient<paths>({
  baseUrl: setting("MFA_URL"),
  headers: { "x-mfa-apikey": setting("MFA_API_KEY"), "x-mfa-apisecret": setting("MFA_API_SECRET") },
});

const relyingParty = {
  "x-mfa-RPDisplayName": "Acme",
  "x-mfa-RPID": "example.com",
  "x-mfa-RPOrigin": ORIGIN,
  "x-mfa-Username": "jo",
  "x-mfa-UserDisplayName": "Jo",
};

// Members that have defaults may be left out.
const enrolled = await client.POST("/totp", { body: { issuer: "Acme", label: "jo@example.com" } });
assert(enrolled.data, JSON.stringify(enrolled.error));
const params = { path: { uuid: enrolled.data.uuid } };
const body = { code: codeNow(enrolled.data.totpKey) };
const validated = await client.POST("/totp/{uuid}/validate", { params, body });
assert.equal(validated.data?.message, "Valid", JSON.stringify(validated.error));

// A code is accepted once. The compiler knows the codes of a route.
const replayed = await client.POST("/totp/{uuid}/validate", { params, body });
assert(replayed.error);
const code: Schemas["ErrorBody"]["code"] = replayed.error.code;
assert.equal(code, "code-not-accepted");

const begun = await client.POST("/webauthn/register", { params: { header: relyingParty } });
assert(begun.data, JSON.stringify(begun.error));
// A browser's own types accept the options as they are.
const options: PublicKeyCredentialCreationOptionsJSON = begun.data.publicKey;
assert.equal(options.user.name, "jo");
const user = { "x-mfa-UserUUID": begun.data.uuid };
const header = { ...relyingParty, ...user };
const registered = await client.PUT("/webauthn/register", {
  params: { header },
  body: create(begun.data.publicKey, ORIGIN),
});
assert(registered.data, JSON.stringify(registered.error));

const listed = await client.GET("/webauthn/user", { params: { header: user } });
const names = listed.data?.credentials.map((credential) => credential.key_handle_hash);
assert.deepEqual(names, [registered.data.key_handle_hash]);

// The passkey logs in: here as far as the options, whose type is the browser's too.
const login = await client.POST("/webauthn/login", { params: { header } });
assert(login.data, JSON.stringify(login.error));
const request: PublicKeyCredentialRequestOptionsJSON = login.data.publicKey;
assert.equal(request.allowCredentials?.length, 1);
console.log("  a client made from the contract enrolled, validated, registered and listed");
