//! Token files and windows: compressed and malformed files, the cache, epochs and splits.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::write::GzEncoder;
use proptest::prelude::*;
use tempfile::TempDir;
use vmd_core::DataSource;
use vmd_data::text::{
    Normalisation, Permutation, Shares, Split, TextError, TextSource, TokenFile, Vocabulary,
};

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("a writable temporary folder");
    encoder.finish().expect("a writable temporary folder")
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    use rawzip::{CompressionMethod, ZipArchiveWriter};

    let mut archive = ZipArchiveWriter::new(Vec::new());
    for (name, bytes) in members {
        if name.ends_with('/') {
            archive.new_dir(*name).create().expect("a write to memory");
            continue;
        }
        let (mut entry, config) = archive
            .new_file(*name)
            .compression_method(CompressionMethod::DEFLATE)
            .start()
            .expect("a write to memory");
        let encoder = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::fast());
        let mut writer = config.wrap(encoder);
        writer.write_all(bytes).expect("a write to memory");
        let (encoder, descriptor) = writer.finish().expect("a write to memory");
        encoder.finish().expect("a write to memory");
        entry.finish(descriptor).expect("a write to memory");
    }
    archive.finish().expect("a write to memory")
}

/// A folder for a text file and its cache.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a writable temporary folder"))
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join("text");
        fs::write(&path, bytes).expect("a writable temporary folder");
        path
    }

    fn cache(&self) -> PathBuf {
        self.0.path().join("cache/tokens")
    }

    fn cached(&self) -> Vec<PathBuf> {
        fs::read_dir(self.cache()).map_or(Vec::new(), |files| {
            files.map(|file| file.expect("a writable temporary folder").path()).collect()
        })
    }

    fn open_as(&self, path: &Path, vocabulary: &Vocabulary) -> Result<TokenFile, TextError> {
        TokenFile::open(path, vocabulary, Normalisation::None, &self.cache())
    }

    fn open(&self, bytes: &[u8], vocabulary: &Vocabulary) -> Result<TokenFile, TextError> {
        self.open_as(&self.file(bytes), vocabulary)
    }
}

fn all(file: &TokenFile) -> Vec<u32> {
    let mut tokens = vec![0; file.len() as usize];
    file.read(0, &mut tokens);
    tokens
}

/// Numbers as text, so that every window is different: about two million characters.
fn large() -> String {
    (0..200_000).map(|n| format!("{n:08} é")).collect()
}

#[test]
fn two_megabytes_go_through_the_cache_packed_or_not() {
    let text = large();
    for bytes in
        [text.clone().into_bytes(), gz(text.as_bytes()), zip(&[("dir/", b""), ("dir/t", text.as_bytes())])]
    {
        let place = Place::new();
        let path = place.file(&bytes);
        let chars = Vocabulary::chars_of_file(&path).unwrap();
        assert_eq!(chars.len(), 12);
        for vocabulary in [chars, Vocabulary::Bytes] {
            let tokens = all(&place.open_as(&path, &vocabulary).unwrap());
            assert!(vocabulary.decode(&tokens) == text);
            assert!(tokens == vocabulary.encode(&text).unwrap());
        }
        assert_eq!(place.cached().len(), 2);
    }
}

#[test]
fn wide_tokens_are_kept() {
    let text: String = (0..2000).filter_map(|n| char::from_u32(0x3400 + n * 7 % 1000)).collect();
    let place = Place::new();
    let path = place.file(text.as_bytes());
    let vocabulary = Vocabulary::chars_of_file(&path).unwrap();
    assert_eq!(vocabulary.len(), 1000);
    assert_eq!(vocabulary.decode(&all(&place.open_as(&path, &vocabulary).unwrap())), text);
}

#[test]
fn the_cache_is_used_and_follows_content_and_vocabulary() {
    let place = Place::new();
    let vocabulary = Vocabulary::Text27;
    assert_eq!(all(&place.open(b"abc", &vocabulary).unwrap()), [1, 2, 3]);
    let [cached] = &*place.cached() else { panic!("one cache file") };
    let written = fs::metadata(cached).unwrap().modified().unwrap();
    assert_eq!(all(&place.open(b"abc", &vocabulary).unwrap()), [1, 2, 3]);
    assert_eq!(fs::metadata(cached).unwrap().modified().unwrap(), written);
    assert_eq!(all(&place.open(b"abd", &vocabulary).unwrap()), [1, 2, 4]);
    assert_eq!(all(&place.open(b"abd", &Vocabulary::Bytes).unwrap()), [97, 98, 100]);
    assert_eq!(place.cached().len(), 3);
    // Damaged cache files are replaced.
    for damage in [&b"abc"[..], b"", &[0; 16], &[0; 40]] {
        fs::write(cached, damage).unwrap();
        assert_eq!(all(&place.open(b"abc", &vocabulary).unwrap()), [1, 2, 3]);
    }
    // So is a file with another valid token.
    let mut other = fs::read(cached).unwrap();
    assert_eq!(other[1], 2);
    other[1] = 5;
    fs::write(cached, other).unwrap();
    assert_eq!(all(&place.open(b"abc", &vocabulary).unwrap()), [1, 2, 3]);
}

#[test]
fn normalising_is_part_of_the_key() {
    let place = Place::new();
    let path = place.file(b"The 1st\n");
    let normalised =
        TokenFile::open(&path, &Vocabulary::Text27, Normalisation::Text27, &place.cache()).unwrap();
    assert_eq!(Vocabulary::Text27.decode(&all(&normalised)), "the one st ");
    assert!(place.open_as(&path, &Vocabulary::Text27).is_err());
    assert_eq!(place.open_as(&path, &Vocabulary::Bytes).unwrap().len(), 8);
}

#[test]
fn hostile_files_are_refused_with_place_and_remedy() {
    let whole = gz(large().as_bytes());
    let mut wrong_sum = whole.clone();
    let end = wrong_sum.len() - 6;
    wrong_sum[end] ^= 1;
    let archive = zip(&[("t", large().as_bytes())]);
    // A byte of the checksum in the central directory, 16 bytes after its signature.
    let directory = archive.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    let mut wrong_zip_sum = archive.clone();
    wrong_zip_sum[directory + 16] ^= 1;
    let mut other_method = archive.clone();
    other_method[directory + 10] = 12;
    for (bytes, vocabulary, parts) in [
        (&b""[..], Vocabulary::Bytes, &["holds no text", "content"][..]),
        (b"ab\ncd", Vocabulary::Text27, &["line 1, column 3", "'\\n'", "normalise"]),
        (b"ab\xffcd", Vocabulary::Text27, &["line 1, column 3", "UTF-8", "convert"]),
        (b"a \xc3", Vocabulary::Text27, &["line 1, column 3", "UTF-8"]),
        (b"\x7fELF\x02\x01\x01\0\0", Vocabulary::Text27, &["line 1, column 1", "'\\u{7f}'"]),
        (&whole[..whole.len() / 2], Vocabulary::Bytes, &["cannot be unpacked", "fetch it again"]),
        (&wrong_sum, Vocabulary::Bytes, &["cannot be unpacked"]),
        (&whole[..5], Vocabulary::Bytes, &["cannot be unpacked"]),
        (&archive[..archive.len() / 2], Vocabulary::Bytes, &["cannot be unpacked"]),
        (&wrong_zip_sum, Vocabulary::Bytes, &["cannot be unpacked"]),
        (&other_method, Vocabulary::Bytes, &["other than deflate", "unpack it first"]),
        (&zip(&[]), Vocabulary::Bytes, &["archive of 0 files", "unpack"]),
        (&zip(&[("a", b"x"), ("b", b"y")]), Vocabulary::Bytes, &["archive of 2 files", "unpack"]),
    ] {
        let place = Place::new();
        let error = place.open(bytes, &vocabulary).unwrap_err().to_string();
        assert!(error.contains("text"), "{error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}

#[test]
fn a_place_beyond_the_first_piece_is_right() {
    // Pieces have one mebibyte; the invalid character is in the third.
    let mut text = "abcdefg hi\n".repeat(200_000);
    text.insert(11 * 199_999 + 3, 'ß');
    let place = Place::new();
    let vocabulary = Vocabulary::Chars { chars: "\n abcdefghi".chars().collect() };
    match place.open(text.as_bytes(), &vocabulary) {
        Err(TextError::CharacterInFile { line, column, character: 'ß', .. }) => {
            assert_eq!((line, column), (200_000, 4));
        }
        other => panic!("{other:?}"),
    }
    assert!(place.cached().is_empty());
}

#[test]
fn folders_devices_and_absent_files_are_refused() {
    let place = Place::new();
    let folder = place.open_as(place.0.path(), &Vocabulary::Bytes).unwrap_err();
    assert!(matches!(folder, TextError::NotAFile { .. }), "{folder}");
    if cfg!(unix) {
        let device = place.open_as(Path::new("/dev/zero"), &Vocabulary::Bytes).unwrap_err();
        assert!(matches!(device, TextError::NotAFile { .. }), "{device}");
    }
    let absent = place.open_as(&place.0.path().join("no"), &Vocabulary::Bytes).unwrap_err().to_string();
    assert!(absent.contains("cannot read") && absent.contains("check the path"), "{absent}");
    let path = place.file(b"x");
    let blocked =
        TokenFile::open(&path, &Vocabulary::Bytes, Normalisation::None, &path).unwrap_err().to_string();
    assert!(blocked.contains("cannot use the cache") || blocked.contains("cannot write"), "{blocked}");
}

#[test]
fn bytes_need_not_be_text() {
    let bytes: Vec<u8> = (0..=255).rev().cycle().take(200_000).collect();
    let tokens = all(&Place::new().open(&bytes, &Vocabulary::Bytes).unwrap());
    assert!(tokens.iter().map(|&token| token as u8).eq(bytes));
}

/// A text of `len` tokens; each encodes its position if there are fewer than 1000.
fn numbered(len: u64) -> Arc<TokenFile> {
    let text: String = (0..len as u32).filter_map(|n| char::from_u32(0x3400 + n % 1000)).collect();
    let vocabulary =
        Vocabulary::Chars { chars: (0..1000).filter_map(|n| char::from_u32(0x3400 + n)).collect() };
    Arc::new(Place::new().open(text.as_bytes(), &vocabulary).expect("every character is in the vocabulary"))
}

const HALF: Shares = Shares { train: 0.5, validation: 0.25, test: 0.25 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_epoch_has_every_window_once(len in 8_u64..1000, seq_len in 1_usize..40, seed: u64, epoch in 0_u64..4) {
        let text = numbered(len);
        let Ok(source) = TextSource::new(text, Split::Train, HALF, seq_len, seed) else {
            let end = HALF.range(Split::Train, len).unwrap().end;
            prop_assert!(end < seq_len as u64);
            return Ok(());
        };
        let (windows, end) = (source.windows(), HALF.range(Split::Train, len).unwrap().end);
        let mut starts: Vec<u64> = (0..windows).map(|i| source.position(epoch * windows + i)).collect();
        starts.sort_unstable();
        let phase = starts[0];
        prop_assert!(phase < seq_len as u64);
        prop_assert!(starts.iter().zip(0..).all(|(&start, n)| start == phase + n * seq_len as u64));
        let last = starts[starts.len() - 1] + seq_len as u64;
        prop_assert!(last <= end && end - last + phase < 2 * seq_len as u64);
        // Reading an example twice gives the same tokens.
        let (mut tokens, mut again) = (vec![0; seq_len], vec![0; seq_len]);
        source.fill(epoch * windows, &mut tokens);
        source.fill(epoch * windows + 1, &mut again);
        source.fill(epoch * windows, &mut again);
        prop_assert_eq!(&tokens, &again);
        let first = source.position(epoch * windows) as u32;
        prop_assert!(tokens.iter().zip(first..).all(|(&token, n)| token == n));
    }

    #[test]
    fn measured_parts_are_covered_without_gap_and_forget_the_seed(len in 8_u64..1000, seq_len in 1_usize..20) {
        let text = numbered(len);
        for part in [Split::Validation, Split::Test] {
            let range = HALF.range(part, len).unwrap();
            let Ok(source) = TextSource::new(text.clone(), part, HALF, seq_len, 1) else { continue };
            let other = TextSource::new(text.clone(), part, HALF, seq_len, 2).unwrap();
            prop_assert_eq!(source.windows(), (range.end - range.start) / seq_len as u64);
            let mut starts: Vec<u64> = (0..source.windows()).map(|i| source.position(i)).collect();
            prop_assert!(starts.iter().zip(0..).all(|(&start, i)| other.position(i) == start));
            prop_assert!((0..3).all(|i| source.position(i + source.windows()) == source.position(i)));
            starts.sort_unstable();
            prop_assert!(starts.iter().zip(0..).all(|(&s, n)| s == range.start + n * seq_len as u64));
        }
    }

    #[test]
    fn parts_are_disjoint_and_complete(total in 0_u64..1_000_000, test in 0_u32..50, validation in 0_u32..50) {
        let share = |percent: u32| f64::from(percent) / 100.0;
        let shares = Shares { train: share(100 - test - validation), validation: share(validation), test: share(test) };
        let [train, validation, test] =
            [Split::Train, Split::Validation, Split::Test].map(|part| shares.range(part, total).unwrap());
        prop_assert_eq!((train.start, train.end, validation.end, test.end), (0, validation.start, test.start, total));
    }

    #[test]
    fn permutations_are_bijections(len in 1_u64..3000, seed: u64, number: u64) {
        let permutation = Permutation::new(len, seed, number);
        let mut seen: Vec<u64> = (0..len).map(|index| permutation.at(index)).collect();
        seen.sort_unstable();
        prop_assert!(seen.into_iter().eq(0..len));
    }
}

#[test]
fn the_first_examples_of_a_measured_part_are_spread() {
    let source = TextSource::new(numbered(4000), Split::Test, HALF, 1, 0).unwrap();
    // Ten of a thousand windows: the mean gap is 100; the golden section leaves at most about 1.7
    // times that.
    let mut starts: Vec<u64> = (0..10).map(|i| source.position(i) - 3000).chain([1000]).collect();
    starts.sort_unstable();
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] <= 180), "{starts:?}");
}

#[test]
fn epochs_differ_in_phase_and_order() {
    let source = TextSource::new(numbered(1000), Split::Train, HALF, 10, 3).unwrap();
    let epoch =
        |n: u64| Vec::from_iter((0..source.windows()).map(|i| source.position(n * source.windows() + i)));
    let phases: Vec<u64> = (0..50).map(|n| epoch(n).into_iter().min().unwrap()).collect();
    assert!((0..10).all(|phase| phases.contains(&phase)), "{phases:?}");
    assert!((1..50).all(|n| epoch(n) != epoch(0)));
    let mut sorted = epoch(0);
    sorted.sort_unstable();
    assert_ne!(sorted, epoch(0));
    let other = TextSource::new(numbered(1000), Split::Train, HALF, 10, 4).unwrap();
    assert_ne!(Vec::from_iter((0..source.windows()).map(|i| other.position(i))), epoch(0));
}

#[test]
fn every_item_comes_to_every_place_equally_often() {
    const EPOCHS: u64 = 4000;
    for len in [2, 3, 7, 16] {
        let mut counts = vec![0_u32; (len * len) as usize];
        for number in 0..EPOCHS {
            let permutation = Permutation::new(len, 5, number);
            (0..len).for_each(|index| counts[(index * len + permutation.at(index)) as usize] += 1);
        }
        let share = 1.0 / len as f64;
        let mean = EPOCHS as f64 * share;
        // Five standard errors of a binomial count.
        let tolerance = 5.0 * (mean * (1.0 - share)).sqrt();
        assert!(counts.iter().all(|&count| (f64::from(count) - mean).abs() < tolerance), "{len}: {counts:?}");
    }
}

#[test]
fn text8_is_cut_at_the_usual_places() {
    let range = |part| Shares::default().range(part, 100_000_000).unwrap();
    assert_eq!(range(Split::Train), 0..90_000_000);
    assert_eq!(range(Split::Validation), 90_000_000..95_000_000);
    assert_eq!(range(Split::Test), 95_000_000..100_000_000);
}

#[test]
fn impossible_windows_and_shares_are_refused() {
    let text = numbered(100);
    let open = |part, shares, seq_len| TextSource::new(text.clone(), part, shares, seq_len, 0);
    let error = open(Split::Test, Shares::default(), 6).unwrap_err().to_string();
    for part in ["test split", "5 tokens", "window of 6", "lower seq_len"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(open(Split::Test, Shares::default(), 5).is_ok());
    assert!(matches!(open(Split::Train, HALF, 0), Err(TextError::NoWindow)));
    for (train, validation, test) in [(0.5, 0.2, 0.2), (1.2, -0.1, -0.1), (f64::NAN, 0.5, 0.5)] {
        let error = open(Split::Train, Shares { train, validation, test }, 5).unwrap_err();
        assert!(error.to_string().contains("sum is 1"), "{error}");
    }
}
