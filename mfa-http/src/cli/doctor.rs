//! `mfa-http doctor` reports the state of the store. It only reads, unless it is to repair.

use mfa_core::store::inspect::{Problem, Report, Scope, Verdict};
use mfa_http::store::{inspect, place, repair};
use serde_json::{Map, Value, json};

use super::{Outcome, Settings, print};

pub(super) async fn run(settings: &Settings, mend: bool, as_json: bool) -> Outcome {
    let url = settings.stores.url();
    if url == "memory://" {
        return Err("memory:// lives inside one server, so there is nothing to look at".into());
    }
    let repaired = if mend { Some(repair(&url).await?) } else { None };
    let mut stores = vec![("store", place(&url), inspect(&url, Scope::Everything).await?)];
    if let Some(url) = settings.stores.ceremony_url() {
        stores.push(("ceremonyStore", place(url), inspect(url, Scope::Ceremonies).await?));
    }
    let needing_attention: usize = stores.iter().map(|(_, _, report)| report.needing_attention()).sum();
    if as_json {
        let mut all = Map::from_iter([("needingAttention".to_owned(), needing_attention.into())]);
        if let Some(repaired) = repaired {
            all.insert("repaired".to_owned(), repaired.into());
        }
        for (name, place, report) in &stores {
            all.insert((*name).to_owned(), json_of(place, report)?);
        }
        print(&Value::Object(all).to_string())?;
    } else {
        if let Some(repaired) = repaired {
            print(&format!("repaired: {repaired}"))?;
        }
        for (name, place, report) in &stores {
            let title = if *name == "store" { "store" } else { "ceremony store" };
            print(&format!("{title} {place}\n{}", text_of(report)))?;
        }
    }
    match needing_attention {
        0 => Ok(()),
        1 => Err("one thing needs attention".into()),
        count => Err(format!("{count} things need attention").into()),
    }
}

/// Old names of counts in `--json`, from when the predecessors were called *seeds*. Remove them in version
/// 0.2.
const OLD_NAMES: [(&str, &str, &str); 3] =
    [("apiKeys", "activeLegacy", "activeSeed"), ("totp", "legacy", "seed"), ("users", "goLegacy", "goSeed")];

fn json_of(place: &str, report: &Report) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(report)?;
    value["place"] = json!(place);
    for (kind, name, old_name) in OLD_NAMES {
        if let Some(counts) = value.get_mut(kind).and_then(Value::as_object_mut)
            && let Some(count) = counts.get(name).cloned()
        {
            counts.insert(old_name.to_owned(), count);
        }
    }
    Ok(value)
}

/// A line for each check, for each kind of rows and for each problem.
fn text_of(report: &Report) -> String {
    let mut lines = Vec::new();
    for check in &report.checks {
        let advice = check.advice.as_ref().map(|advice| format!(": {advice}")).unwrap_or_default();
        lines.push(line(check.verdict, check.area.as_str(), &format!("{}{advice}", check.found)));
    }
    let census = &report.census;
    if let Some(keys) = census.api_keys {
        let counts = [
            ("pending", keys.pending),
            ("active", keys.active),
            ("active with a predecessor's hash", keys.active_legacy),
            ("revoked", keys.revoked),
            ("expired", keys.expired),
            ("in a state that this version does not know", keys.unknown),
            ("damaged", keys.damaged),
        ];
        lines.push(line(Verdict::Ok, "API keys", &counted(&counts)));
    }
    if let Some(totp) = census.totp {
        let counts = [
            ("ours", totp.ours),
            ("in a predecessor's format", totp.legacy),
            ("unusable", totp.unusable),
            ("disabled after too many wrong codes", totp.disabled),
        ];
        lines.push(line(Verdict::Ok, "TOTP", &counted(&counts)));
    }
    if let Some(users) = census.users {
        let counts = [
            ("ours", users.ours),
            ("in the Go predecessor's format", users.go_legacy),
            ("with a U2F key in the Node predecessor's", users.node_u2f),
            ("without a credential", users.empty),
            ("unusable", users.unusable),
        ];
        lines.push(line(Verdict::Ok, "users", &counted(&counts)));
    }
    lines.extend(census.problems().iter().map(problem));
    lines.join("\n")
}

fn problem(problem: &Problem) -> String {
    let Problem { flaw, count, examples, advice, .. } = problem;
    let found = format!("{count} {} ({}): {advice}", flaw.what(), examples.join(", "));
    line(Verdict::Attention, problem.kind, &found)
}

fn line(verdict: Verdict, subject: &str, text: &str) -> String {
    format!("{:9}  {subject:11}  {text}", verdict.as_str())
}

/// The counts that are not zero.
fn counted(counts: &[(&str, u64)]) -> String {
    let some: Vec<_> = counts.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{n} {what}")).collect();
    if some.is_empty() { "none".to_owned() } else { some.join(", ") }
}
