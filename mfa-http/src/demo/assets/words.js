// Messages by the service's `code`. docs/http.md lists the codes.

const START_AGAIN = "That took too long, or was answered already. Start again.";
const ANOTHER_PAGE = "Refused: the response comes from another page.";
const NOT_UNDERSTOOD = "Refused: the browser or the key sent a malformed response.";
const ANOTHER_ACCOUNT = "Refused: the response is for another account. Load the page again.";
const A_COPY = "Refused: the key's counter went back, so it may be a copy.";
const BACKUP = "Refused: the key's backup flags contradict each other.";
const NEW_KEY = "Refused: the new key's data is invalid. Try another key.";
const PAGE_IS_OLD = "The page does not match the server. Load the page again.";
const DEMO_ENDED = "The service no longer accepts the demo's key. Start the server again.";

const WORDS = {
  // The demo's own
  "no-account": "The server does not know this account. It may have restarted. Load the page again.",
  "no-cookies": "This page needs a cookie to know you by. Allow cookies for this address, then load the page again.",
  "foreign-page": "The server does not accept this page's origin. If there is a proxy, it must pass on the Host header.",

  // Any route
  "invalid-json": PAGE_IS_OLD,
  "no-such-route": PAGE_IS_OLD,
  "no-such-method": PAGE_IS_OLD,
  "unauthorized": DEMO_ENDED,
  "forbidden": DEMO_ENDED,
  "incomplete": "The connection broke off. Try again.",
  "timeout": "The connection is too slow. Try again.",
  "too-large": "The request is too large.",
  "throttled": "Too many failed attempts. Wait a little, then try again.",
  "internal": "Something is broken on the server. Its log says more.",
  "unavailable": "The service cannot reach its store. Try again.",

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
  "credential-not-found": "That key is no longer registered. Load the page again.",
  "invalid-label": "A name can have at most 100 characters.",
  "malformed-response": NOT_UNDERSTOOD,
  "challenge": START_AGAIN,
  "user": ANOTHER_ACCOUNT,
  "relying-party": ANOTHER_PAGE,
  "client-data-type": "Refused: the response is for another step. Start again.",
  "origin": ANOTHER_PAGE,
  "cross-origin": ANOTHER_PAGE,
  "top-origin": ANOTHER_PAGE,
  "authenticator-data": "Refused: the key's data cannot be read.",
  "rp-id-hash": ANOTHER_PAGE,
  "user-presence": "Refused: nobody touched the key.",
  "user-verification": "Refused: the key did not check who you are. Set up a PIN or a fingerprint on it.",
  "backup-state": BACKUP,
  "backup-eligibility": BACKUP,
  "algorithm": "Refused: the service does not support the key's signature algorithm.",
  "public-key": NEW_KEY,
  "attestation-format": NEW_KEY,
  "attestation": NEW_KEY,
  "credential-id-length": NEW_KEY,
  "duplicate-credential": "This key is registered already.",
  "too-many-credentials": "The account has the maximum number of keys. Delete one first.",
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
