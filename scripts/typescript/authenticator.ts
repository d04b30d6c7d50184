// A passkey in software: ES256, attestation "none" (WebAuthn L3 §6.5.4 and §8.7).

import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";

import type { components } from "./contract.d.ts";

type Schemas = components["schemas"];

const base64url = (bytes: Uint8Array | string) => Buffer.from(bytes).toString("base64url");
const sha256 = (text: string) => createHash("sha256").update(text).digest();

/** CBOR of a length below 2^16, with its major type: RFC 8949 §3. */
function head(major: number, length: number): Buffer {
  const type = major << 5;
  if (length < 24) return Buffer.from([type | length]);
  if (length < 256) return Buffer.from([type | 24, length]);
  return Buffer.from([type | 25, length >> 8, length & 0xff]);
}

const integer = (n: number) => (n < 0 ? head(1, -1 - n) : head(0, n));
const bytes = (value: Uint8Array) => Buffer.concat([head(2, value.length), value]);
const text = (value: string) => Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
const map = (...pairs: [Buffer, Buffer][]) => Buffer.concat([head(5, pairs.length), ...pairs.flat()]);

/** The COSE key of a fresh key pair: RFC 9053 §7.1.1. */
function publicKey(): Buffer {
  const { x, y } = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" });
  if (x === undefined || y === undefined) throw new Error("no point");
  return map(
    [integer(1), integer(2)],
    [integer(3), integer(-7)],
    [integer(-1), integer(1)],
    [integer(-2), bytes(Buffer.from(x, "base64url"))],
    [integer(-3), bytes(Buffer.from(y, "base64url"))],
  );
}

/** What `navigator.credentials.create()` returns on a page of `origin`. */
export function create(
  options: Schemas["PublicKeyCredentialCreationOptionsJSON"],
  origin: string,
): Schemas["RegistrationResponseJSON"] {
  const id = randomBytes(32);
  const presentAndAttested = 0x41;
  const length = Buffer.alloc(2);
  length.writeUInt16BE(id.length);
  const authenticatorData = Buffer.concat([
    sha256(options.rp.id),
    Buffer.from([presentAndAttested]),
    Buffer.alloc(4), // signature counter
    Buffer.alloc(16), // AAGUID
    length,
    id,
    publicKey(),
  ]);
  const attestationObject = map(
    [text("fmt"), text("none")],
    [text("attStmt"), map()],
    [text("authData"), bytes(authenticatorData)],
  );
  const clientData = { type: "webauthn.create", challenge: options.challenge, origin, crossOrigin: false };
  return {
    id: base64url(id),
    rawId: base64url(id),
    type: "public-key",
    response: {
      clientDataJSON: base64url(JSON.stringify(clientData)),
      attestationObject: base64url(attestationObject),
    },
  };
}
