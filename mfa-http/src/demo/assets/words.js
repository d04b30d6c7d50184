// What a refusal means here, by the service's `code`: docs/http.md lists them.

const START_AGAIN = "That took too long, or was answered already. Start again.";
const ANOTHER_PAGE = "Refused: the answer is from another page than this one.";
const NOT_UNDERSTOOD = "Refused: the browser or the key sent something that cannot be read.";
const ANOTHER_ACCOUNT = "Refused: the answer is for another account. Load the page again.";
const A_COPY = "Refused: the key's counter went back, so it may be a copy.";
const BACKUP = "Refused: what the key says of its backup does not add up.";
const NEW_KEY = "Refused: what the new key says of itself does not add up. Try another key.";
const PAGE_IS_OLD = "The page and the server do not fit together. Load the page again.";
const DEMO_ENDED = "The service does not let the demo in any more. Start the server again.";

const WORDS = {
  // The demo's own
  "no-account": "The server does not know this account, as after a new start. Load the page again.",
  "no-cookies": "This page needs a cookie to know you by. Allow cookies for this address, then load the page again.",
  "foreign-page": "The server does not take this page for its own. If there is a proxy, it must pass the Host header on.",

  // Any route
  "invalid-json": PAGE_IS_OLD,
  "no-such-route": PAGE_IS_OLD,
  "no-such-method": PAGE_IS_OLD,
  "unauthorized": DEMO_ENDED,
  "forbidden": DEMO_ENDED,
  "incomplete": "The connection broke off. Try again.",
  "timeout": "The connection is too slow. Try again.",
  "too-large": "That is too much to send.",
  "throttled": "Too many failed attempts. Wait a little, then try again.",
  "internal": "Something is broken on the server. Its log says more.",
  "unavailable": "The service cannot reach its store just now. Try again.",

  // Authenticator apps
  "code-not-accepted": "Not accepted: the code is wrong, too old, or was used already.",
  "code-required": "Type the code that the app shows.",
  "totp-disabled": "Too many failed attempts. Remove the app and set it up again.",
  "totp-not-found": "There is no app to check. Set one up first.",
  "label-required": PAGE_IS_OLD,
  "label-too-long": PAGE_IS_OLD,
  "invalid-text": PAGE_IS_OLD,
  "invalid-algorithm": PAGE_IS_OLD,
  "invalid-digits": PAGE_IS_OLD,
  "invalid-period": PAGE_IS_OLD,

  // Passkeys and security keys
  "invalid-header": PAGE_IS_OLD,
  "missing-header": PAGE_IS_OLD,
  "invalid-relying-party": "Keys do not work at this address. It must be localhost, or a name with HTTPS.",
  "invalid-user-uuid": PAGE_IS_OLD,
  "user-uuid-required": "This account has no key yet. Register one first.",
  "no-credentials": "There is nothing to log in with yet. Register a passkey or a key first.",
  "credential-not-found": "That key is not registered any more. Load the page again.",
  "invalid-label": "A name has 100 characters at most.",
  "malformed-response": NOT_UNDERSTOOD,
  "challenge": START_AGAIN,
  "user": ANOTHER_ACCOUNT,
  "relying-party": ANOTHER_PAGE,
  "client-data-type": "Refused: the answer is for another step. Start again.",
  "origin": ANOTHER_PAGE,
  "cross-origin": ANOTHER_PAGE,
  "top-origin": ANOTHER_PAGE,
  "authenticator-data": "Refused: what the key says of itself cannot be read.",
  "rp-id-hash": ANOTHER_PAGE,
  "user-presence": "Refused: nobody touched the key.",
  "user-verification": "Refused: the key did not check who you are. Set up a PIN or a fingerprint on it.",
  "backup-state": BACKUP,
  "backup-eligibility": BACKUP,
  "algorithm": "Refused: the key signs in a way that the service does not know.",
  "public-key": NEW_KEY,
  "attestation-format": NEW_KEY,
  "attestation": NEW_KEY,
  "credential-id-length": NEW_KEY,
  "duplicate-credential": "This key is registered already.",
  "too-many-credentials": "The account has as many keys as it may have. Delete one first.",
  "credential-id": NOT_UNDERSTOOD,
  "credential-not-allowed": "Refused: this key is not one of the account's.",
  "user-handle": ANOTHER_ACCOUNT,
  "signature": "Refused: the signature is not the registered key's.",
  "sign-count": A_COPY,

  // U2F keys
  "app-id-required": PAGE_IS_OLD,
  "invalid-app-id": "U2F keys do not work at this address. It must be localhost, or a name with HTTPS.",
  "malformed": NOT_UNDERSTOOD,
  "client-data": NOT_UNDERSTOOD,
  "token-error": "The key reports an error. Try again.",
  "not-registered": "This account has no U2F key yet. Start one first.",
  "facet": ANOTHER_PAGE,
  "key-handle": "Refused: this is not the account's U2F key.",
  "counter": A_COPY,
  "u2f-not-found": "This account has no U2F key. Start one first.",
};

export function words(code, status) {
  return WORDS[code] ?? `The service refused it (${code ?? status}).`;
}
