//! The JSON judge on a public test suite.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use vmd_tasks::lines::json_is_valid;

/// Names and contents of the files of the JSON parsing test suite, if available.
fn suite() -> Option<Vec<(String, Vec<u8>)>> {
    let path =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/code/JSONTestSuite.tar.gz"));
    if !path.exists() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(path).expect("a readable file")));
    let mut files = Vec::new();
    for entry in archive.entries().expect("an archive") {
        let mut entry = entry.expect("a whole entry");
        let path = entry.path().expect("a name").into_owned();
        if path.parent() != Some(Path::new("test_parsing")) || path.extension().is_none() {
            continue;
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("a whole file");
        files.push((path.file_name().expect("a name").to_string_lossy().into_owned(), content));
    }
    Some(files)
}

#[test]
fn the_public_suite_is_judged_as_it_says() {
    let Some(files) = suite() else { return };
    let (mut n_valid, mut n_invalid) = (0, 0);
    for (name, content) in files {
        // JSON is UTF-8; the judge takes a `str`.
        let is_valid = std::str::from_utf8(&content).is_ok_and(json_is_valid);
        match name.as_bytes()[0] {
            b'y' => {
                n_valid += 1;
                assert!(is_valid, "{name} must parse");
            }
            b'n' => {
                n_invalid += 1;
                assert!(!is_valid, "{name} must not parse");
            }
            // Parsers may accept or reject the others.
            _ => {}
        }
    }
    assert_eq!((n_valid, n_invalid), (95, 188));
}

#[test]
fn nesting_has_no_limit() {
    let n = 100_000;
    assert!(json_is_valid(&("[".repeat(n) + &"]".repeat(n))));
    assert!(!json_is_valid(&("[".repeat(n) + &"]".repeat(n - 1))));
    assert!(!json_is_valid(&"{\"a\":".repeat(n)));
}
