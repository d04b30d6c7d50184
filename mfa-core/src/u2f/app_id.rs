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
/// assert_eq!(AppId::parse("https://example.com/"), Err(InvalidAppId));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AppId {
    text: String,
    host: String,
}

impl AppId {
    /// Reads an AppID: https (http for localhost only), a named host, no bare `/` for a path.
    ///
    /// # Errors
    ///
    /// [`InvalidAppId`].
    pub fn parse(text: &str) -> Result<Self, InvalidAppId> {
        let url = Url::parse(text).map_err(|_| InvalidAppId)?;
        let Some(Host::Domain(host)) = url.host() else { return Err(InvalidAppId) };
        let secure = url.scheme() == "https" || (url.scheme() == "http" && host == "localhost");
        let bare_slash = text.ends_with('/') && url.path() == "/";
        if !secure || bare_slash || text.len() > 1024 {
            return Err(InvalidAppId);
        }
        Ok(Self { host: host.to_owned(), text: text.to_owned() })
    }

    /// The AppID as keys hash it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the origin `facet` may use this AppID. Facet lists are not fetched, so a facet must be the
    /// AppID's host or a subdomain.
    pub(crate) fn trusts(&self, facet: &str) -> bool {
        let Ok(url) = Url::parse(facet) else { return false };
        let Some(host) = url.host_str() else { return false };
        let secure = url.scheme() == "https" || (url.scheme() == "http" && host == "localhost");
        let within =
            host == self.host || host.strip_suffix(&self.host).is_some_and(|rest| rest.ends_with('.'));
        secure && within
    }
}
