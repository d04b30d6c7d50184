//! Runs verification vectors through the library's real code.
//!
//! ```text
//! cargo run -p mfa-core --example verify_vectors -- FILE…
//! ```
//!
//! Each file is JSON with `cases`: registrations, authentications, raw U2F messages, one-time passwords. It
//! prints a line for each case, `ID accept|reject|unsupported CODE`. The last line counts the cases that
//! match the file. The exit status is 1 if a case without `severity` differs. (Cases with `severity` document
//! known leniencies of others.)

#![expect(clippy::print_stdout, reason = "its output is its purpose")]

mod cases;

use std::process::ExitCode;

use cases::{Verdict, judge};

fn main() -> anyhow::Result<ExitCode> {
    let (mut agree, mut differ, mut failed) = (0, 0, false);
    for path in std::env::args().skip(1) {
        let file: serde_json::Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        for case in file["cases"].as_array().into_iter().flatten() {
            let verdict = judge(case);
            let accepts = case["expect"]["result"] == "accept";
            println!("{} {verdict}", case["id"].as_str().unwrap_or("?"));
            match verdict {
                Verdict::Unsupported(_) if accepts => {}
                Verdict::Accept if accepts => agree += 1,
                Verdict::Reject(_) | Verdict::Unsupported(_) if !accepts => agree += 1,
                _ => {
                    differ += 1;
                    failed |= case["severity"].is_null() && case["expect"]["severity"].is_null();
                }
            }
        }
    }
    println!("{agree} agree, {differ} differ");
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
