//! The path and query for the router, without the prefix of the deployment.

use std::collections::HashMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Characters that a path must encode (RFC 3986 §3.3). `%` is already encoded.
const UNSAFE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'%')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// Characters that a query must encode (RFC 3986 §3.4).
const UNSAFE_IN_QUERY: &AsciiSet = &UNSAFE.remove(b'?');

/// The longest path and query that `http` accepts, with the `?` between them.
const LONGEST: usize = u16::MAX as usize - 1;

/// The part of `path` that `route` matched, such as `/{proxy+}`. The stage of an HTTP API and the base path
/// of a custom domain come before it. Without a route, as with a function URL, only the stage can come before
/// it.
pub(crate) fn of_route<'a>(
    path: &'a str,
    route: &str,
    parameters: &HashMap<String, String>,
    stage: Option<&str>,
) -> &'a str {
    taken_by(path, route, parameters).or_else(|| below(path, stage?)).unwrap_or(path)
}

fn taken_by<'a>(path: &'a str, route: &str, parameters: &HashMap<String, String>) -> Option<&'a str> {
    let mut taken = String::new();
    for segment in route.strip_prefix('/')?.split('/') {
        let name = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        taken.push('/');
        taken.push_str(match name {
            Some(name) => parameters.get(name.trim_end_matches('+'))?,
            None => segment,
        });
    }
    // Parameters are decoded and have no trailing slash. The path may have either form.
    let (taken, end) = (taken.trim_end_matches('/'), path.trim_end_matches('/'));
    let decoded = percent_decode_str(end).decode_utf8_lossy();
    let prefix = end.strip_suffix(taken).or_else(|| decoded.strip_suffix(taken))?;
    path.strip_prefix(prefix)
}

fn below<'a>(path: &'a str, stage: &str) -> Option<&'a str> {
    let rest = path.strip_prefix('/')?.strip_prefix(stage)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// The path in a form that a URL parser does not change. A path that the parser would resolve becomes the
/// root, which no route matches.
pub(crate) fn escaped(path: &str) -> String {
    let dots = |segment| matches!(&*percent_decode_str(segment).collect::<Vec<u8>>(), b"." | b"..");
    if !path.starts_with('/') || path.split('/').any(dots) {
        return "/".to_owned();
    }
    utf8_percent_encode(path, UNSAFE).to_string()
}

/// The query with all forbidden characters encoded.
pub(crate) fn escaped_query(query: &str) -> String {
    utf8_percent_encode(query, UNSAFE_IN_QUERY).to_string()
}

/// Whether a request can hold the escaped path and query.
pub(crate) fn fit(path: &str, query: &str) -> bool {
    path.len().saturating_add(query.len()) < LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_front_of_a_route_goes() {
        for (path, route, parameter, stage, expected) in [
            // REST APIs: their own address, a custom domain's base path, a stage that is named as a route.
            ("/totp/1/validate", "/{proxy+}", "totp/1/validate", "prod", "/totp/1/validate"),
            ("/mfa/v2/totp/1", "/{proxy+}", "totp/1", "prod", "/totp/1"),
            ("/totp/1", "/{proxy+}", "totp/1", "totp", "/totp/1"),
            ("/mfa/api-key", "/api-key", "", "prod", "/api-key"),
            ("/mfa/totp/", "/{proxy+}", "totp", "prod", "/totp/"),
            ("/mfa/totp/a%20b", "/{proxy+}", "totp/a b", "prod", "/totp/a%20b"),
            ("/mfa", "/", "", "prod", ""),
            // HTTP APIs: a stage, a route, both; a function URL.
            ("/prod/totp", "", "", "prod", "/totp"),
            ("/prod", "", "", "prod", ""),
            ("/production/totp", "", "", "prod", "/production/totp"),
            ("/prod/totp", "/{proxy+}", "totp", "prod", "/totp"),
            ("/totp", "", "", "$default", "/totp"),
        ] {
            let parameters = HashMap::from([("proxy".to_owned(), parameter.to_owned())]);
            assert_eq!(of_route(path, route, &parameters, Some(stage)), expected, "{path} {route}");
        }
        assert_eq!(of_route("/prod/totp", "/{other}", &HashMap::new(), None), "/prod/totp");
    }

    #[test]
    fn a_url_parser_does_not_change_an_escaped_path() {
        for (path, expected) in [
            ("/webauthn/credential/aA0-_%2F", "/webauthn/credential/aA0-_%2F"),
            ("/totp?x#y", "/totp%3Fx%23y"),
            ("/totp\\..\\api-key", "/totp%5C..%5Capi-key"),
            ("/\u{e9} \t", "/%C3%A9%20%09"),
            ("//totp", "//totp"),
            ("/totp/../api-key", "/"),
            ("/totp/.%2E/api-key", "/"),
            ("", "/"),
            ("x", "/"),
        ] {
            assert_eq!(escaped(path), expected);
        }
    }

    #[test]
    fn a_query_keeps_what_it_says() {
        for (query, expected) in [
            ("after=0a1f&x=a+b%20c", "after=0a1f&x=a+b%20c"),
            ("a=/?:@!$'()*,;", "a=/?:@!$'()*,;"),
            ("a=\"<b> c#d", "a=%22%3Cb%3E%20c%23d"),
            ("\u{e9}\t\u{7f}\\^`{|}[]", "%C3%A9%09%7F%5C%5E%60%7B%7C%7D%5B%5D"),
        ] {
            assert_eq!(escaped_query(query), expected);
        }
    }
}
