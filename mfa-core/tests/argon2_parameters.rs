//! Where the parameters of Argon2 stand.

use std::path::{Path, PathBuf};

/// The cost of a hash is decided in one file: no other source of the workspace names Argon2 or its parameters.
#[test]
fn argon2_parameters_stand_in_one_file() {
    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(own.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with("mfa-") {
            sources(&entry.path().join("src"), &mut files);
        }
    }
    let names = |path: &&PathBuf| {
        let source = std::fs::read_to_string(path).unwrap();
        ["argon2::", "Argon2::new", " Params::", "(Params::", "$argon2id$v=19$m="]
            .iter()
            .any(|name| source.contains(name))
    };
    let naming: Vec<_> = files.iter().filter(names).collect();
    // A check of the doctor's looks at a hash of one of our rows.
    let tests = own.join("src/store/inspect/tests.rs");
    assert_eq!(naming, [&own.join("src/api_key/hash.rs"), &tests]);
}
