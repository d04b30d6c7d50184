//! AppIDs and facets, FIDO AppID and Facet Specification v1.2.

use url::{Host, Url};

/// The text is not an AppID.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an AppID is an https URL of a named host, such as https://example.com")]
pub struct InvalidAppId;

/// An AppID: the https URL that names an application to U2F keys.
///
/// ```
/// use mfa_core::u2f::{AppId, InvalidAppId};
///
/// assert!(AppId::parse("https://login.example.com/app-id.json").is_ok());
/// assert_eq!(AppId::parse("https://192.0.2.1"), Err(InvalidAppId));
/// assert_eq!(AppId::parse("http://example.com"), Err(InvalidAppId));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AppId {
    text: String,
    host: String,
}

impl AppId {
    /// Reads an AppID: an https URL of a named host. A host without a dot may use http, as in development.
    ///
    /// # Errors
    ///
    /// [`InvalidAppId`].
    pub fn parse(text: &str) -> Result<Self, InvalidAppId> {
        let url = Url::parse(text).map_err(|_| InvalidAppId)?;
        let Some(Host::Domain(host)) = url.host() else { return Err(InvalidAppId) };
        if !is_secure(&url, host) || text.len() > 1024 {
            return Err(InvalidAppId);
        }
        Ok(Self { host: host.to_owned(), text: text.to_owned() })
    }

    /// The AppID as keys hash it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the origin `facet` may use this AppID. Facet lists are not fetched. A facet has the AppID's registrable
    /// domain by the public suffix list, as the specification bounds it (§3.1.2 step 3).
    pub(crate) fn trusts(&self, facet: &str) -> bool {
        let Ok(url) = Url::parse(facet) else { return false };
        let Some(Host::Domain(host)) = url.host() else { return false };
        let domain = psl::domain_str(host);
        is_secure(&url, host)
            && (host == self.host || (domain.is_some() && domain == psl::domain_str(&self.host)))
    }
}

fn is_secure(url: &Url, host: &str) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && !host.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_facet_has_the_registrable_domain_of_the_app_id() {
        for (app_id, facet, trusted) in [
            ("https://profile.example.com/app-id.json", "https://login.example.com", true),
            ("https://profile.example.com/app-id.json", "https://example.com:8443", true),
            ("https://example.co.uk", "https://login.example.co.uk", true),
            ("http://app99", "http://app99", true),
            ("http://localhost:3000/app-id.json", "http://localhost:8080", true),
            ("https://example.com", "http://example.com", false),
            ("https://example.com", "https://example.net", false),
            ("https://example.com", "https://badexample.com", false),
            ("https://a.co.uk", "https://b.co.uk", false),
            ("https://a.github.io", "https://b.github.io", false),
            ("https://co.uk", "https://a.co.uk", false),
            ("http://app99", "http://app98", false),
            ("https://example.com", "https://192.0.2.1", false),
            ("https://example.com", "null", false),
        ] {
            assert_eq!(AppId::parse(app_id).unwrap().trusts(facet), trusted, "{app_id} {facet}");
        }
    }
}
