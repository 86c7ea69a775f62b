//! Vocabularies: round trips, errors, files, and normalised text.

use proptest::prelude::*;
use vmd_data::text::{Column, Lines, Normaliser27, TextError, Vocabulary, VocabularyKind, normalise27};

fn chars(text: &str) -> Vocabulary {
    let mut chars: Vec<char> = text.chars().collect();
    chars.sort_unstable();
    chars.dedup();
    Vocabulary::Chars { chars }
}

fn column(name: &str, values: &[&str]) -> Column {
    Column { name: name.into(), values: values.iter().map(|&value| value.into()).collect() }
}

fn colours() -> Vocabulary {
    Vocabulary::Columns {
        columns: vec![column("colour", &["", "blue", "red, dark"]), column("size", &["big", "small"])],
    }
}

proptest! {
    #[test]
    fn encoding_loses_nothing(text in ".*", plain in "[a-z ]*") {
        for (vocabulary, text) in
            [(Vocabulary::Bytes, &text), (chars(&(text.clone() + "x")), &text), (Vocabulary::Text27, &plain)]
        {
            let tokens = vocabulary.encode(text).unwrap();
            prop_assert!(tokens.iter().all(|&token| (token as usize) < vocabulary.len()));
            prop_assert_eq!(&vocabulary.decode(&tokens), text);
            let closed = [&*tokens, &[vocabulary.stop(), vocabulary.stop()]].concat();
            prop_assert_eq!(&vocabulary.decode_line(&closed), text);
        }
    }

    #[test]
    fn rows_of_any_values_survive(values in proptest::collection::vec(".*", 1..5)) {
        let columns = values.iter().map(|value| column("c", &[value])).collect();
        let vocabulary = Vocabulary::Columns { columns };
        let tokens: Vec<u32> = (0..values.len() as u32).collect();
        prop_assert_eq!(vocabulary.encode(&vocabulary.decode(&tokens)).unwrap(), tokens);
    }

    #[test]
    fn saved_vocabularies_come_back(text in ".+") {
        for vocabulary in [Vocabulary::Text27, Vocabulary::Bytes, chars(&text), colours()] {
            let json = serde_json::to_string(&vocabulary).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vocabulary>(&json).unwrap(), vocabulary);
        }
    }

    #[test]
    fn any_tokens_can_be_shown(tokens in proptest::collection::vec(any::<u32>(), 0..20)) {
        for vocabulary in [Vocabulary::Text27, Vocabulary::Bytes, chars("abc"), colours()] {
            let _ = vocabulary.decode(&tokens);
            let _ = vocabulary.decode_line(&tokens);
            let _ = vocabulary.row(&tokens);
        }
    }

    #[test]
    fn normalised_text_is_encodable_and_stays(text in ".*") {
        let normalised = normalise27(&text);
        prop_assert!(Vocabulary::Text27.encode(&normalised).is_ok(), "{normalised:?}");
        prop_assert!(!normalised.contains("  "));
        prop_assert_eq!(normalise27(&normalised), normalised);
    }

    #[test]
    fn pieces_normalise_like_the_whole(text in "(?s).*", cuts in proptest::collection::vec(0_usize..40, 0..6)) {
        let (mut normaliser, mut pieces, mut rest) = (Normaliser27::default(), String::new(), &*text);
        for cut in cuts {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(cut));
            normaliser.push(piece, &mut pieces);
            rest = after;
        }
        normaliser.push(rest, &mut pieces);
        prop_assert_eq!(pieces, normalise27(&text));
    }
}

#[test]
fn normalising_follows_the_rules_of_text8() {
    for (text, expected) in [
        ("The cat, 1 hat", "the cat one hat"),
        ("a2b", "a two b"),
        ("10", " one zero "),
        ("\n\nA -- b\n", " a b "),
        ("Crème Brûlée, Straße, Łódź, Ærø", "creme brulee strasse lodz aero"),
        ("e\u{301}te\u{301}", "ete"),
        ("don't", "don t"),
        ("漢字 x", " x"),
        ("", ""),
    ] {
        assert_eq!(normalise27(text), expected, "{text:?}");
    }
}

#[test]
fn a_missing_character_is_named_with_its_position_and_a_remedy() {
    let error = Vocabulary::Text27.encode("naïve").unwrap_err();
    assert!(matches!(
        error,
        TextError::Character { character: 'ï', position: 3, vocabulary: VocabularyKind::Text27 }
    ));
    let text = error.to_string();
    for part in ["'ï'", "position 3", "text27", "normalise"] {
        assert!(text.contains(part), "{text}");
    }
    let text = chars("abc").encode("abd").unwrap_err().to_string();
    assert!(text.contains("position 3") && text.contains("`chars`") && text.contains("bytes"), "{text}");
}

#[test]
fn masks_and_stops_are_shown_apart() {
    // For a window, the mask is the first number above all tokens; for a line, that number is the
    // stop token.
    assert_eq!(Vocabulary::Text27.decode(&[1, 27, 2]), "a▁b");
    assert_eq!(Vocabulary::Text27.decode_line(&[1, 28, 2, 27, 3, 28]), "a▁b");
    assert_eq!(Vocabulary::Bytes.decode(&[104, 256, 105]), "h▁i");
    assert_eq!(Vocabulary::Bytes.decode(&[0xc3, 256]), "\u{fffd}▁");
    assert_eq!(chars("xy").decode(&[0, 1, 2]), "xy▁");
    assert_eq!(colours().decode(&[2, 5]), "\"red, dark\",▁");
}

#[test]
fn columns_have_tokens_of_their_own() {
    let vocabulary = colours();
    assert_eq!((vocabulary.len(), vocabulary.domains()), (5, vec![0..3, 3..5]));
    assert_eq!(vocabulary.encode("\"red, dark\",big").unwrap(), [2, 3]);
    assert_eq!(vocabulary.encode(",small").unwrap(), [0, 4]);
    assert_eq!(vocabulary.row(&[2, 3]), Some(vec!["red, dark", "big"]));
    for outside in [&[3, 3][..], &[2, 2], &[2, 5], &[2], &[2, 3, 3], &[]] {
        assert_eq!(vocabulary.row(outside), None, "{outside:?}");
    }
    assert_eq!(Vocabulary::Text27.row(&[]), None);
    assert!(Vocabulary::Text27.domains().is_empty());
    let error = vocabulary.encode("blue,huge").unwrap_err().to_string();
    assert!(error.contains("`huge`") && error.contains("`size`"), "{error}");
    for wrong in ["blue", "blue,big,big", "", "blue,big\nblue,big"] {
        assert!(
            matches!(vocabulary.encode(wrong), Err(TextError::RowLength { expected: 2, .. })),
            "{wrong:?}"
        );
    }
}

#[test]
fn the_file_format_is_fixed_and_strict() {
    assert_eq!(serde_json::to_string(&Vocabulary::Text27).unwrap(), r#"{"kind":"text27"}"#);
    assert_eq!(serde_json::to_string(&chars("ba")).unwrap(), r#"{"kind":"chars","chars":["a","b"]}"#);
    for wrong in [
        r#"{"kind":"text27","size":27}"#,
        r#"{"kind":"words"}"#,
        r#"{"kind":"chars","chars":["b","a"]}"#,
        r#"{"kind":"chars","chars":["a","a"]}"#,
        r#"{"kind":"chars","chars":[]}"#,
        r#"{"kind":"chars","chars":["ab"]}"#,
        r#"{"kind":"columns","columns":[]}"#,
        r#"{"kind":"columns","columns":[{"name":"x","values":[]}]}"#,
        r#"{"kind":"columns","columns":[{"name":"x","values":["b","a"]}]}"#,
        r#"{"kind":"columns","columns":[{"name":"x","values":["a"],"more":1}]}"#,
    ] {
        assert!(serde_json::from_str::<Vocabulary>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn characters_of_a_file_have_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    std::fs::write(&path, "b€a\nab").unwrap();
    let expected = Vocabulary::Chars { chars: vec!['\n', 'a', 'b', '€'] };
    assert_eq!(Vocabulary::chars_of_file(&path).unwrap(), expected);
    // Lines exclude their line end.
    let lines = Lines::read(&path, None).unwrap();
    assert_eq!(Vocabulary::chars_of_lines(&lines).unwrap(), chars("ab€"));

    let many = |count: u32| String::from_iter((0x4e00..0x4e00 + count).filter_map(char::from_u32));
    std::fs::write(&path, many(4096)).unwrap();
    assert_eq!(Vocabulary::chars_of_file(&path).unwrap().len(), 4096);
    std::fs::write(&path, many(4097)).unwrap();
    let error = Vocabulary::chars_of_file(&path).unwrap_err().to_string();
    assert!(error.contains("text") && error.contains("4096") && error.contains("bytes"), "{error}");
}
