//! The demo's headers about itself and its user.

pub(super) const NAME: &str = "Demo";
pub(super) const USER: &str = "jo@example.com";

/// The headers that a request about a WebAuthn user needs.
pub(super) fn headers(rp_id: &str) -> Vec<(&'static str, &str)> {
    vec![
        ("x-mfa-RPDisplayName", NAME),
        ("x-mfa-RPID", rp_id),
        ("x-mfa-Username", USER),
        ("x-mfa-UserDisplayName", "Jo"),
    ]
}
