// WebAuthn ceremonies: converts the service's JSON for the browser, and back.

export function toBytes(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

export function toText(bytes) {
  const binary = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const descriptors = (list) => (list ?? []).map((one) => ({ ...one, id: toBytes(one.id) }));

/** AppIDs only work on HTTPS pages. Elsewhere the browser refuses the whole ceremony. */
function extensions(given) {
  if (location.protocol === "https:" || !given) return given;
  const { appid: _, appidExclude: __, ...others } = given;
  return others;
}

const answer = (credential, response) => ({
  id: credential.id,
  rawId: toText(credential.rawId),
  type: credential.type,
  clientExtensionResults: credential.getClientExtensionResults(),
  response,
});

/** Registers a credential; `kind` is `passkey` or `security-key`. */
export async function create({ publicKey }, kind) {
  const selection = { ...publicKey.authenticatorSelection };
  // The service's options suit any key. Ask for a discoverable passkey, or for a key outside this device.
  if (kind === "passkey") Object.assign(selection, { residentKey: "preferred", userVerification: "preferred" });
  if (kind === "security-key") selection.authenticatorAttachment = "cross-platform";
  const credential = await navigator.credentials.create({
    publicKey: {
      ...publicKey,
      challenge: toBytes(publicKey.challenge),
      user: { ...publicKey.user, id: toBytes(publicKey.user.id) },
      excludeCredentials: descriptors(publicKey.excludeCredentials),
      authenticatorSelection: selection,
      hints: kind === "security-key" ? ["security-key"] : [],
      extensions: extensions(publicKey.extensions),
    },
  });
  const { clientDataJSON, attestationObject } = credential.response;
  return answer(credential, {
    clientDataJSON: toText(clientDataJSON),
    attestationObject: toText(attestationObject),
    transports: credential.response.getTransports?.() ?? [],
  });
}

/** Lets the user prove possession of a registered credential. */
export async function get({ publicKey }) {
  const credential = await navigator.credentials.get({
    publicKey: {
      ...publicKey,
      challenge: toBytes(publicKey.challenge),
      allowCredentials: descriptors(publicKey.allowCredentials),
      extensions: extensions(publicKey.extensions),
    },
  });
  const { clientDataJSON, authenticatorData, signature, userHandle } = credential.response;
  return answer(credential, {
    clientDataJSON: toText(clientDataJSON),
    authenticatorData: toText(authenticatorData),
    signature: toText(signature),
    userHandle: userHandle ? toText(userHandle) : null,
  });
}

/** A message for the error. */
export function words(error) {
  const known = {
    NotAllowedError: "Cancelled, or it took too long. Try again when you are ready.",
    InvalidStateError: "This key is registered already.",
    SecurityError: "The browser does not allow this on this address.",
    NotSupportedError: "This browser or key cannot do that.",
    AbortError: "Cancelled.",
  };
  return known[error.name] ?? error.message;
}
