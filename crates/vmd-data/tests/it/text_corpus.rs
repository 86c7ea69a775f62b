//! Text, lines and tables opened according to a configuration.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use vmd_data::text::{Corpus, CsvColumn, Encoding, Form, Split, Symbols, Vocabulary};

fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn every_form_gives_parts_that_its_encoding_reads() {
    let (folder, path) = file(&"Some text, and 1 number. ".repeat(100));
    for (symbols, start) in [
        (Symbols::Text27, "some text and one number"),
        (Symbols::Bytes, "Some text, and 1"),
        (Symbols::Chars, "Some text, and 1"),
    ] {
        let corpus = Corpus::text(&path, symbols, 10, &folder.path().join("cache")).unwrap();
        let encoding = corpus.encoding();
        assert_eq!((encoding.form, encoding.stop()), (Form::Text, None));
        assert!(encoding.decode(&corpus.training_tokens(40).unwrap()).starts_with(start));
        for part in [Split::Train, Split::Validation, Split::Test] {
            let (source, n) = (corpus.source(part, 1).unwrap(), corpus.n_examples(part).unwrap());
            assert!(n > 0 && source.vocab() == encoding.n_values() && source.seq_len() == 10);
        }
        assert!(corpus.training_lines().unwrap().is_empty() && corpus.training_rows().unwrap().is_empty());
    }

    let (_folder, path) = file(&format!("name,n\n{}", "ab,1\nc,2\nabc,3\n".repeat(20)));
    let column = CsvColumn::Name("name".into());
    let corpus = Corpus::lines(&path, Some(&column), Symbols::Chars, 4).unwrap();
    let encoding = corpus.encoding();
    assert_eq!((encoding.form, encoding.stop(), encoding.n_values()), (Form::Lines, Some(3), 4));
    assert_eq!(encoding.decode(&[0, 1, 3, 3]), "ab");
    assert_eq!(corpus.training_lines().unwrap().len() as u64, corpus.n_examples(Split::Train).unwrap());

    let corpus = Corpus::table(&path).unwrap();
    let encoding = corpus.encoding();
    assert_eq!((encoding.form, encoding.n_values()), (Form::Table, 6));
    let source = corpus.source(Split::Train, 1).unwrap();
    let mut row = [0; 2];
    source.fill(0, &mut row);
    assert!(corpus.training_rows().unwrap().contains(&row.to_vec()));
}

#[test]
fn an_encoding_survives_being_saved() {
    for encoding in [
        Encoding { form: Form::Text, vocabulary: Vocabulary::Text27 },
        Encoding { form: Form::Lines, vocabulary: Vocabulary::Chars { chars: vec!['a', 'ß'] } },
    ] {
        let saved = serde_json::to_string(&encoding).unwrap();
        assert_eq!(serde_json::from_str::<Encoding>(&saved).unwrap(), encoding);
    }
    assert!(
        serde_json::from_str::<Encoding>(r#"{"form":"text","vocabulary":{"kind":"text27"},"x":1}"#).is_err()
    );
}

#[test]
fn templates_have_a_token_for_every_blank() {
    let encoding = Encoding { form: Form::Lines, vocabulary: Vocabulary::Chars { chars: vec!['C', 'O'] } };
    // Two characters, the stop token, the mask.
    assert_eq!(encoding.template("C▁▁O").unwrap(), [0, 3, 3, 1]);
    assert_eq!(encoding.template("▁").unwrap(), [3]);
    assert_eq!(encoding.template("").unwrap(), [0u32; 0]);
    assert_eq!(encoding.decode(&[0, 3, 1, 2]), "C▁O");
    assert!(encoding.template("C▁N").unwrap_err().to_string().contains('N'));
}
