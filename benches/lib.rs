//! Shared parts of the benchmarks: reading criterion's figures, and failing reports.

pub mod load;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What a benchmark returns.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The folder that criterion writes to, beside the build.
pub fn output_folder() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_TARGET_DIR").unwrap_or("target".into())).join("criterion")
}

/// The median of a benchmark, in nanoseconds.
///
/// # Errors
///
/// If it was not run.
pub fn median(folder: &Path, name: &str) -> Outcome<f64> {
    let estimates = folder.join(name).join("new").join("estimates.json");
    let estimates: serde_json::Value = serde_json::from_slice(&std::fs::read(estimates)?)?;
    Ok(estimates["median"]["point_estimate"].as_f64().ok_or("no median")?)
}

/// Runs a benchmark, unless `cargo test --benches` or nextest only lists it. Fails if its report shows a
/// missed bound.
#[expect(clippy::print_stderr, reason = "errors are for the terminal")]
pub fn main(run: impl FnOnce() -> Outcome<bool>) -> ExitCode {
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
