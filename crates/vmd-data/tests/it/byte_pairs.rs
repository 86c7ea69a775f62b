//! Byte-pair vocabularies.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;
use vmd_data::text::{LineSet, Lines, Normalisation, TextError, TokenFile, Vocabulary};

fn corpus() -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().expect("a writable temporary folder");
    let path = folder.path().join("text");
    let text: String =
        (0..3000).map(|n| format!("the {} cats and {} dogs of the café\n", n % 7, n % 11)).collect();
    fs::write(&path, &text).expect("a writable temporary folder");
    (folder, path, text)
}

fn learned() -> Vocabulary {
    Vocabulary::bpe_of_file(&corpus().1, 300).expect("the corpus is text")
}

#[test]
fn pairs_are_learned_the_same_way_each_time_and_shorten_the_text() {
    let (folder, path, text) = corpus();
    let vocabulary = Vocabulary::bpe_of_file(&path, 300).unwrap();
    assert_eq!(vocabulary, Vocabulary::bpe_of_file(&path, 300).unwrap());
    assert!((257..=300).contains(&vocabulary.len()), "{}", vocabulary.len());
    let file = TokenFile::open(&path, &vocabulary, Normalisation::None, folder.path()).unwrap();
    assert!(file.len() < text.len() as u64 / 2);
    let mut tokens = vec![0; file.len() as usize];
    file.read(0, &mut tokens);
    assert!(vocabulary.decode(&tokens) == text);
    let set = LineSet::new(Lines::read(&path, None).unwrap(), vocabulary, 40).unwrap();
    assert_eq!(set.lines().len(), 3000);
}

#[test]
fn saved_pairs_come_back_and_damaged_ones_do_not() {
    let vocabulary = learned();
    let json = serde_json::to_string(&vocabulary).unwrap();
    let again: Vocabulary = serde_json::from_str(&json).unwrap();
    assert_eq!(again, vocabulary);
    assert_eq!(again.encode("the cats").unwrap(), vocabulary.encode("the cats").unwrap());
    for damaged in [r#"{"kind":"bpe","tokenizer":"{}"}"#, r#"{"kind":"bpe","tokenizer":"no json"}"#] {
        assert!(serde_json::from_str::<Vocabulary>(damaged).is_err(), "{damaged}");
    }
}

#[test]
fn masks_are_shown_between_pairs() {
    let vocabulary = learned();
    let mut tokens = vocabulary.encode("the cats").unwrap();
    tokens.insert(1, vocabulary.len() as u32);
    assert!(vocabulary.decode(&tokens).contains('▁'));
    assert!(!vocabulary.decode_line(&tokens).contains('▁'));
}

#[test]
fn sizes_and_files_that_cannot_be_are_refused() {
    let (folder, path, _) = corpus();
    for size in [0, 255, 1 << 17] {
        assert!(matches!(Vocabulary::bpe_of_file(&path, size), Err(TextError::BytePairCount { .. })));
    }
    let empty = folder.path().join("empty");
    fs::write(&empty, "").unwrap();
    assert!(matches!(Vocabulary::bpe_of_file(&empty, 300), Err(TextError::Empty { .. })));
}

proptest! {
    #[test]
    fn any_text_survives(text in "(?s).*") {
        static VOCABULARY: std::sync::LazyLock<Vocabulary> = std::sync::LazyLock::new(learned);
        let tokens = VOCABULARY.encode(&text).unwrap();
        prop_assert!(tokens.iter().all(|&token| (token as usize) < VOCABULARY.len()));
        prop_assert_eq!(VOCABULARY.decode(&tokens), text);
    }
}
