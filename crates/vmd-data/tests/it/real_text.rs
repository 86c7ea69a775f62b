//! Real data, if available: Shakespeare and the molecules of QM9.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use vmd_core::DataSource;
use vmd_data::text::{
    CsvColumn, LineSet, LineSource, Lines, Normalisation, Shares, Split, TextError, TextSource, TokenFile,
    Vocabulary,
};

fn shared(file: &str) -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(file);
    if !path.exists() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn shakespeare_in_27_symbols_and_in_characters() {
    let Some(path) = shared("text/shakespeare.txt.gz") else { return };
    let cache = tempfile::tempdir().unwrap();
    let vocabulary = Vocabulary::Text27;
    let raw = TokenFile::open(&path, &vocabulary, Normalisation::None, cache.path()).unwrap_err();
    assert!(matches!(raw, TextError::CharacterInFile { line: 1, column: 1, character: 'A', .. }), "{raw}");
    let tokens = Arc::new(TokenFile::open(&path, &vocabulary, Normalisation::Text27, cache.path()).unwrap());
    let source = TextSource::new(tokens.clone(), Split::Train, Shares::default(), 256, 1).unwrap();
    let mut window = vec![0; 256];
    tokens.read(0, &mut window);
    assert!(
        vocabulary.decode(&window).starts_with("all s well that ends well by william shakespeare persons")
    );
    let mut seen = HashSet::new();
    for index in 0..source.windows() {
        source.fill(index, &mut window);
        assert!(!vocabulary.decode(&window).contains("  "));
        assert!(seen.insert(source.position(index)));
    }

    let chars = Vocabulary::chars_of_file(&path).unwrap();
    assert!((60..120).contains(&chars.len()), "{}", chars.len());
    let tokens = TokenFile::open(&path, &chars, Normalisation::None, cache.path()).unwrap();
    assert!((5_000_000..5_100_000).contains(&tokens.len()), "{}", tokens.len());
}

#[test]
fn the_molecules_of_qm9() {
    let Some(path) = shared("molecules/qm9.csv") else { return };
    let lines = Lines::read(&path, Some(&CsvColumn::Name("smiles".into()))).unwrap();
    assert_eq!(lines.len(), 133_885);
    let vocabulary = Vocabulary::chars_of_lines(&lines).unwrap();
    assert_eq!(vocabulary.len(), 18);
    let longest = lines.iter().map(str::len).max().unwrap();
    assert_eq!(longest, 28);
    let error = LineSet::new(lines.clone(), vocabulary.clone(), longest).unwrap_err().to_string();
    assert!(error.contains("set seq_len to 29"), "{error}");
    let set = Arc::new(LineSet::new(lines, vocabulary.clone(), 29).unwrap());
    let mut total = 0;
    for part in [Split::Train, Split::Validation, Split::Test] {
        let source = LineSource::new(set.clone(), part, Shares::default(), 1).unwrap();
        total += source.len();
        let mut tokens = vec![0; 29];
        for index in (0..1000).chain(source.len()..source.len() + 1000) {
            source.fill(index, &mut tokens);
            assert_eq!(vocabulary.decode_line(&tokens), source.line(index));
        }
    }
    assert_eq!(total, 133_885);
}
