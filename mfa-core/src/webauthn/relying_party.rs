//! The relying party and its policy.

use sha2::{Digest, Sha256};
use url::Url;

use super::{CoseAlgorithm, OFFERED_ALGORITHMS};

/// The relying party is invalid.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRelyingParty {
    /// The RP ID is empty, too long, or has characters that a domain cannot have.
    #[error("the RP ID must be a domain, such as example.com")]
    Id,
    /// An origin is not `https://host[:port]` (`http` for localhost), or lies outside the RP ID.
    #[error("an origin must be https and within the RP ID, such as https://login.example.com")]
    Origin,
}

/// Whether the authenticator must verify its user, WebAuthn L3 §5.8.6.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the standard has three")]
pub enum UserVerification {
    /// Refuse users who were not verified.
    Required,
    /// Verify if possible.
    Preferred,
    /// Do not verify. The predecessors asked for this.
    #[default]
    Discouraged,
}

impl UserVerification {
    /// The standard's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Preferred => "preferred",
            Self::Discouraged => "discouraged",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Required, Self::Preferred, Self::Discouraged]
            .into_iter()
            .find(|policy| policy.as_str() == name)
    }
}

/// Whether the credential must be discoverable, WebAuthn L3 §5.4.6.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the standard has three")]
pub enum ResidentKey {
    /// Fail rather than make one that is not discoverable.
    Required,
    /// Make a discoverable one if possible.
    Preferred,
    /// Accept either. The predecessors asked for this.
    #[default]
    Discouraged,
}

impl ResidentKey {
    /// The standard's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Preferred => "preferred",
            Self::Discouraged => "discouraged",
        }
    }
}

/// A relying party and its policy.
///
/// ```
/// use mfa_core::webauthn::{InvalidRelyingParty, RelyingParty};
///
/// assert!(RelyingParty::new("example.com", "Acme", ["https://login.example.com"]).is_ok());
/// let elsewhere = RelyingParty::new("example.com", "Acme", ["https://badexample.com"]);
/// assert_eq!(elsewhere.unwrap_err(), InvalidRelyingParty::Origin);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RelyingParty {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) origins: Vec<String>,
    pub(crate) user_verification: UserVerification,
    pub(crate) resident_key: ResidentKey,
    pub(crate) algorithms: Vec<CoseAlgorithm>,
    pub(crate) exclude_credentials: bool,
    pub(crate) allow_cross_origin: bool,
    pub(crate) top_origins: Vec<String>,
}

impl RelyingParty {
    /// A relying party whose ceremonies run at `origins`, each within `id`.
    ///
    /// # Errors
    ///
    /// [`InvalidRelyingParty`] if the RP ID is not a domain or an origin lies outside it.
    pub fn new<'a>(
        id: &str,
        name: &str,
        origins: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, InvalidRelyingParty> {
        let domain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
        if id.is_empty() || id.len() > 253 || !id.bytes().all(domain) {
            return Err(InvalidRelyingParty::Id);
        }
        let origins: Vec<String> = origins.into_iter().map(str::to_owned).collect();
        if !origins.iter().all(|origin| is_within(origin, id)) {
            return Err(InvalidRelyingParty::Origin);
        }
        Ok(Self { exclude_credentials: true, ..Self::as_given(id, name, origins) })
    }

    /// A relying party from the headers of one request, as the predecessors' clients send it. The RP ID is
    /// not checked, since some set-ups use `http://app99` for both RP ID and origin. Without an origin, such an RP ID is
    /// the origin, and with any other a ceremony can begin but not finish.
    ///
    /// # Errors
    ///
    /// [`InvalidRelyingParty`] if the RP ID is a domain and the origin lies outside it.
    pub fn from_headers(id: &str, name: &str, origin: &str) -> Result<Self, InvalidRelyingParty> {
        if id.is_empty() || id.len() > 253 {
            return Err(InvalidRelyingParty::Id);
        }
        let as_predecessors_do = id == origin || origin.starts_with("android:apk-key-hash:");
        if !origin.is_empty() && !as_predecessors_do && !host_is_within(origin, id) {
            return Err(InvalidRelyingParty::Origin);
        }
        let origin = if origin.is_empty() && parse_origin(id).is_some() { id } else { origin };
        let origins = if origin.is_empty() { Vec::new() } else { vec![origin.to_owned()] };
        Ok(Self::as_given(id, name, origins))
    }

    pub(crate) fn as_given(id: &str, name: &str, origins: Vec<String>) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            origins,
            user_verification: UserVerification::default(),
            resident_key: ResidentKey::default(),
            algorithms: OFFERED_ALGORITHMS.to_vec(),
            exclude_credentials: false,
            allow_cross_origin: false,
            top_origins: Vec::new(),
        }
    }

    /// Sets how much user verification to ask for.
    #[must_use]
    pub fn user_verification(self, user_verification: UserVerification) -> Self {
        Self { user_verification, ..self }
    }

    /// Sets whether to ask for discoverable credentials.
    #[must_use]
    pub fn resident_key(self, resident_key: ResidentKey) -> Self {
        Self { resident_key, ..self }
    }

    /// Offers fewer algorithms than [`OFFERED_ALGORITHMS`]. Others are ignored.
    #[must_use]
    pub fn algorithms(self, wanted: &[CoseAlgorithm]) -> Self {
        let algorithms =
            OFFERED_ALGORITHMS.into_iter().filter(|algorithm| wanted.contains(algorithm)).collect();
        Self { algorithms, ..self }
    }

    /// Tells the browser the user's credentials, so that no key is registered twice.
    #[must_use]
    pub fn exclude_credentials(self, exclude_credentials: bool) -> Self {
        Self { exclude_credentials, ..self }
    }

    /// Accepts ceremonies in frames of other origins, at these top-level origins.
    #[must_use]
    pub fn allow_cross_origin<'a>(self, top_origins: impl IntoIterator<Item = &'a str>) -> Self {
        let top_origins = top_origins.into_iter().map(str::to_owned).collect();
        Self { allow_cross_origin: true, top_origins, ..self }
    }

    /// The SHA-256 of the RP ID, as authenticators sign it.
    pub(crate) fn id_hash(&self) -> [u8; 32] {
        Sha256::digest(self.id.as_bytes()).into()
    }

    pub(crate) fn allows_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| same_origin(allowed, origin))
    }

    pub(crate) fn allows_top_origin(&self, origin: &str) -> bool {
        self.top_origins.iter().any(|allowed| same_origin(allowed, origin))
    }
}

/// Whether scheme, host and port are equal. A text with more than these is not an origin, except for a
/// trailing slash, which some clients write.
fn same_origin(allowed: &str, origin: &str) -> bool {
    if allowed.starts_with("android:") || origin.starts_with("android:") {
        return allowed == origin;
    }
    let (Some(allowed), Some(origin)) = (parse_origin(allowed), parse_origin(origin)) else { return false };
    allowed.origin() == origin.origin()
}

fn parse_origin(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    (url.host_str().is_some() && bare && anonymous).then_some(url)
}

/// Whether `origin` is secure and its host is `id` or a subdomain (L3 §5.1.2: a registrable suffix or equal).
fn is_within(origin: &str, id: &str) -> bool {
    if origin.starts_with("android:apk-key-hash:") {
        return true;
    }
    let secure = parse_origin(origin).is_some_and(|url| {
        url.scheme() == "https" || (url.scheme() == "http" && url.host_str() == Some("localhost"))
    });
    secure && host_is_within(origin, id)
}

fn host_is_within(origin: &str, id: &str) -> bool {
    let Some(url) = parse_origin(origin) else { return false };
    let Some(host) = url.host_str() else { return false };
    // A dot at the end marks a name as complete and changes nothing else (RFC 1034 §3.1).
    let (host, id) = (host.strip_suffix('.').unwrap_or(host), id.strip_suffix('.').unwrap_or(id));
    let id = id.to_ascii_lowercase();
    // The dot keeps badexample.com out of example.com.
    host == id || host.strip_suffix(&id).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_match_in_scheme_host_and_port() {
        let relying_party =
            RelyingParty::new("example.org", "x", ["https://example.org", "https://a.example.org:8443"])
                .unwrap();
        for origin in [
            "https://example.org",
            "https://example.org:443",
            "https://EXAMPLE.org",
            "https://example.org/",
            "https://a.example.org:8443",
        ] {
            assert!(relying_party.allows_origin(origin), "{origin}");
        }
        for origin in [
            "http://example.org",
            "https://example.org:8443",
            "https://a.example.org",
            "https://b.example.org",
            "https://example.org.evil.com",
            "https://evil-example.org",
            "https://example.org/x",
            "https://user@example.org",
            "https://example.org?x",
            "",
            "null",
            "example.org",
            "android:apk-key-hash:x",
        ] {
            assert!(!relying_party.allows_origin(origin), "{origin}");
        }
    }

    #[test]
    fn a_relying_party_must_make_sense() {
        for (id, origin) in [
            ("example.com", "https://example.com"),
            ("example.com", "https://a.b.example.com:8443"),
            ("localhost", "http://localhost:3000"),
        ] {
            assert!(RelyingParty::new(id, "x", [origin]).is_ok(), "{id} {origin}");
        }
        for (id, origin) in [
            ("", "https://example.com"),
            ("Example.com", "https://example.com"),
            ("example.com", "http://example.com"),
            ("example.com", "https://badexample.com"),
            ("a.example.com", "https://example.com"),
            ("example.com", "https://example.com/path"),
            ("example.com", "not an origin"),
        ] {
            assert!(RelyingParty::new(id, "x", [origin]).is_err(), "{id} {origin}");
        }
    }

    #[test]
    fn headers_of_the_predecessors_clients_are_taken_as_they_are() {
        for (id, origin) in [
            ("http://app99", "http://app99"),
            ("example.com", ""),
            ("localhost", "http://localhost"),
            ("example.com.", "https://login.example.com"),
            ("Example.com", "https://example.com."),
        ] {
            assert!(RelyingParty::from_headers(id, "x", origin).is_ok(), "{id} {origin}");
        }
        assert!(RelyingParty::from_headers("example.com", "x", "https://example.net").is_err());
        let dev = RelyingParty::from_headers("http://app99", "x", "http://app99").unwrap();
        assert!(dev.allows_origin("http://app99") && !dev.allows_origin("http://app98"));
        let unnamed = RelyingParty::from_headers("http://app99", "x", "").unwrap();
        assert_eq!(unnamed, dev);
        let nowhere = RelyingParty::from_headers("example.com", "x", "").unwrap();
        assert!(!nowhere.allows_origin("https://example.com") && !nowhere.allows_origin("example.com"));
    }
}
