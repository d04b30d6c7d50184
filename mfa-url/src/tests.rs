use proptest::prelude::*;

use super::*;

const KNOWN: &[&str] = &["durability", "max_connections", "password", "prefix", "sslmode"];

fn refused(query: &str) -> String {
    Query::parse(query, KNOWN).unwrap_err().to_string()
}

#[test]
fn settings_are_decoded() {
    let query = Query::parse("prefix=a%26b+c&&sslmode=verify-full", KNOWN).unwrap();
    assert_eq!((query.get("prefix"), query.get("sslmode")), (Some("a&b c"), Some("verify-full")));
    assert_eq!(query.get("durability"), None);
    assert!(Query::parse("", KNOWN).is_ok());
    assert_eq!(Query::split("redis://db?a=b?c"), ("redis://db", "a=b?c"));
}

#[test]
fn what_was_meant_is_said() {
    let known = "Known: durability, max_connections, password, prefix, sslmode";
    for (query, said) in [
        ("ssl_mode=verify-full", "unknown setting ssl_mode, did you mean sslmode? "),
        ("SSLMODE=require", "unknown setting SSLMODE, did you mean sslmode? "),
        ("max_conections=9", "unknown setting max_conections, did you mean max_connections? "),
        ("max-connections=9", "unknown setting max-connections, did you mean max_connections? "),
        ("perfix=x", "unknown setting perfix, did you mean prefix? "),
        ("pool=9", "unknown setting pool. "),
        ("prefix=x&timeout=9", "unknown setting timeout. "),
    ] {
        assert_eq!(refused(query), format!("{said}{known}"));
    }
    let none = Query::parse("x=1", &[]).unwrap_err();
    assert_eq!(none.to_string(), "unknown setting x; this store has none");
}

#[test]
fn a_setting_is_set_once_and_not_to_nothing() {
    assert_eq!(refused("prefix=a&prefix=a"), "prefix is set twice");
    assert_eq!(refused("prefix=a&pre%66ix=b"), "prefix is set twice");
    assert_eq!(refused("prefix="), "prefix has no value");
    assert_eq!(refused("prefix"), "prefix has no value");
}

/// Each query is the end of a URL with `s3cret` in it: a password with a question mark, or a value out of place.
#[test]
fn no_secret_is_repeated() {
    for query in [
        "s3cret@db/mfa",
        "s3cret=@db/mfa?prefix=x",
        "prefix=s3cret@db",
        "s3cret",
        "prefix=x&s3cret",
        "password:s3cret",
        "password:s3cret=",
        "passwort=s3cret",
        "password=s3cret&password=s3cret",
        "=s3cret",
    ] {
        let error = Query::parse(query, KNOWN).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{query}: {error}");
    }
    let query = Query::parse("password=s3cret", KNOWN).unwrap();
    assert_eq!(format!("{query:?}"), r#"["password"]"#);
}

proptest! {
    /// Whatever the text, the settings that pass are known ones.
    #[test]
    fn no_unknown_name_passes(query in r"([a-z_%0-9+]{0,12}=?[a-z%&=]{0,6}&?){0,4}") {
        let names: Vec<_> = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name).collect();
        let parsed = Query::parse(&query, KNOWN);
        prop_assert_eq!(parsed.is_ok() && names.iter().any(|name| !KNOWN.contains(&&**name)), false);
    }

    /// A known setting does not carry an unknown one in, before it or behind it.
    #[test]
    fn an_unknown_name_is_refused_beside_known_ones(
        name in "[A-Za-z0-9_.-]{1,40}", value in "[a-z0-9]{0,9}", first in any::<bool>(),
    ) {
        prop_assume!(!KNOWN.contains(&&*name));
        let query = if first { format!("{name}={value}&prefix=x") } else { format!("prefix=x&{name}={value}") };
        let error = Query::parse(&query, KNOWN).unwrap_err();
        let told = matches!(&error, QueryError::Unknown { name: Some(told), .. } if *told == name);
        prop_assert!(told, "{error}");
    }

    /// A name of a known setting with one slip is refused, and the setting is named.
    #[test]
    fn a_slip_is_recognised(known in 0..KNOWN.len(), at in 0..6_usize, letter in "[a-z_-]") {
        let mut name = KNOWN[known].to_owned();
        name.replace_range(at..=at, &letter);
        prop_assume!(name != KNOWN[known]);
        let error = Query::parse(&format!("{name}=1"), KNOWN).err();
        let meant = matches!(error, Some(QueryError::Unknown { meant: Some(meant), .. }) if meant == KNOWN[known]);
        prop_assert!(meant, "{name}");
    }
}
