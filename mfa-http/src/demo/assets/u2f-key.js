// A legacy U2F key that this page plays: FIDO U2F Raw Message Formats v1.2. Browsers no longer talk to real keys in this
// way, so this is the only way to show an account from that time.

import { toBytes, toText } from "./ceremony.js";

const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const utf8 = (text) => new TextEncoder().encode(text);
const concat = (...parts) => new Uint8Array(parts.flatMap((part) => [...part]));
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

// Just enough DER for a signature and a certificate.
const der = (tag, ...parts) => {
  const content = concat(...parts);
  const length = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 255];
  return concat([tag], length, content);
};
const sequence = (...parts) => der(0x30, ...parts);
const hex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
const ECDSA_SHA256 = sequence(der(0x06, hex("2a8648ce3d040302")));
const EC_P256 = sequence(der(0x06, hex("2a8648ce3d0201")), der(0x06, hex("2a8648ce3d030107")));

async function sign(key, message) {
  const raw = new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, message));
  const integer = (bytes) => {
    const start = bytes.findIndex((byte) => byte !== 0);
    const short = bytes.slice(start);
    return der(0x02, short[0] > 127 ? [0] : [], short);
  };
  return sequence(integer(raw.slice(0, 32)), integer(raw.slice(32)));
}

/** The key's self-signed attestation certificate. */
async function certificate(key, point) {
  const name = sequence(der(0x31, sequence(der(0x06, hex("550403")), der(0x0c, utf8("Played U2F key")))));
  const validity = sequence(der(0x17, utf8("150101000000Z")), der(0x17, utf8("450101000000Z")));
  const publicKey = sequence(EC_P256, der(0x03, [0], point));
  const version = der(0xa0, der(0x02, [2]));
  const content = sequence(version, der(0x02, [1]), ECDSA_SHA256, name, validity, name, publicKey);
  return sequence(content, ECDSA_SHA256, der(0x03, [0], await sign(key, content)));
}

const clientData = (typ, challenge) =>
  utf8(JSON.stringify({ typ, challenge, origin: location.origin }));

export class U2fKey {
  #pair;
  #counter = 0;
  #handle = crypto.getRandomValues(new Uint8Array(64));

  static async make() {
    const made = new U2fKey();
    made.#pair = await crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]);
    return made;
  }

  /** The answer to a registration request, as the U2F JavaScript API gave it. */
  async register({ appId, challenge }) {
    const point = new Uint8Array(await crypto.subtle.exportKey("raw", this.#pair.publicKey));
    const client = clientData("navigator.id.finishEnrollment", challenge);
    const signed = concat([0], await sha256(utf8(appId)), await sha256(client), this.#handle, point);
    const { privateKey } = this.#pair;
    const data = concat([5], point, [this.#handle.length], this.#handle,
      await certificate(privateKey, point), await sign(privateKey, signed));
    return { version: "U2F_V2", clientData: toText(client), registrationData: toText(data) };
  }

  /** The browser's response to a WebAuthn login with the `appid` extension. */
  async get({ publicKey }) {
    const id = toText(this.#handle);
    const known = publicKey.allowCredentials.some((one) => toText(toBytes(one.id)) === id);
    if (!known) throw new Error("This account does not know the U2F key.");
    const client = utf8(JSON.stringify(
      { type: "webauthn.get", challenge: publicKey.challenge, origin: location.origin, crossOrigin: false }));
    this.#counter += 1;
    const counter = new Uint8Array(new Uint32Array([this.#counter]).buffer).reverse();
    const data = concat(await sha256(utf8(publicKey.extensions.appid)), [1], counter);
    const signature = await sign(this.#pair.privateKey, concat(data, await sha256(client)));
    return {
      id, rawId: id, type: "public-key", clientExtensionResults: { appid: true },
      response: {
        clientDataJSON: toText(client), authenticatorData: toText(data), signature: toText(signature), userHandle: null,
      },
    };
  }
}
