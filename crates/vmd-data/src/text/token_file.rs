//! Cached tokens of a file.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::read::{MAX_BYTES, Place, for_each_chunk, open, with_content};
use super::width::Width;
use super::{Normalisation, Normaliser27, TextError, Vocabulary};
use crate::files::write_whole;

/// Magic bytes after the tokens of a cache file, followed by their number and digest. The digit is
/// the format version.
const MAGIC: [u8; 8] = *b"VMDTOK_2";

/// Bytes of a digest.
const DIGEST: usize = 32;

/// Bytes of the footer.
const FOOTER: usize = 16 + DIGEST;

/// The tokens of a text file, encoded once and read from a cache file in any order. Memory use does
/// not depend on the length of the text.
///
/// The name of the cache file is the SHA-256 of content, vocabulary and normalisation. A changed
/// file is encoded again, and cache files can be deleted at any time.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    cached: PathBuf,
    file: File,
    width: Width,
    vocab: usize,
    len: u64,
}

impl TokenFile {
    /// Opens the tokens of a text file, which may be compressed with gzip or be the only file in a
    /// zip archive. Encodes them into the folder `cache` if they are not there yet. With
    /// [`Vocabulary::Bytes`] the file may be binary.
    ///
    /// # Errors
    ///
    /// [`TextError`] for a file that cannot be read, is damaged, is not text or is empty, for a
    /// character without a token, and if the cache cannot be written.
    pub fn open(
        path: &Path,
        vocabulary: &Vocabulary,
        normalisation: Normalisation,
        cache: &Path,
    ) -> Result<Self, TextError> {
        let failed = |source| TextError::Io { action: "use the cache", path: cache.to_path_buf(), source };
        let cached = cache.join(format!("{}.tokens", key(path, vocabulary, normalisation)?));
        let width = Width::of(vocabulary.len());
        // Replace a cache file of another version or with wrong length or content.
        let (file, len) = match stored(&cached, width) {
            Some(found) => found,
            None => {
                fs::create_dir_all(cache).map_err(failed)?;
                encode(path, vocabulary, normalisation, &cached)?;
                let lost = || failed(io::ErrorKind::InvalidData.into());
                stored(&cached, width).ok_or_else(lost)?
            }
        };
        if len == 0 {
            return Err(TextError::Empty { path: path.to_path_buf(), what: "text" });
        }
        Ok(Self { path: path.to_path_buf(), cached, file, width, vocab: vocabulary.len(), len })
    }

    /// The text file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of tokens.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an empty file is refused")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Number of token values; tokens are `0..vocab`.
    #[must_use]
    pub fn vocab(&self) -> usize {
        self.vocab
    }

    /// Reads `tokens.len()` tokens from number `start` on.
    ///
    /// # Panics
    ///
    /// If the range exceeds the text, or if the cache file was changed or can no longer be read.
    pub fn read(&self, start: u64, tokens: &mut [u32]) {
        let end = start.checked_add(tokens.len() as u64);
        assert!(end.is_some_and(|end| end <= self.len), "the text ends at token {}", self.len);
        let mut bytes = vec![0; tokens.len() * self.width.bytes()];
        let read = read_exact_at(&self.file, &mut bytes, start * self.width.bytes() as u64);
        assert!(read.is_ok(), "{} can no longer be read; start again", self.cached.display());
        self.width.read(&bytes, tokens);
        let is_sound = tokens.iter().all(|&token| (token as usize) < self.vocab);
        assert!(is_sound, "{} was changed; delete it and start again", self.cached.display());
    }
}

/// SHA-256 of all inputs of the encoding, in hexadecimal digits.
fn key(path: &Path, vocabulary: &Vocabulary, normalisation: Normalisation) -> Result<String, TextError> {
    let content = digest(open(path)?).map_err(|source| TextError::Io {
        action: "read",
        path: path.to_path_buf(),
        source,
    })?;
    let settings = serde_json::to_vec(&(vocabulary, normalisation)).expect("a vocabulary serialises to JSON");
    let key = Sha256::new().chain_update(MAGIC).chain_update(content).chain_update(settings);
    Ok(crate::files::hexadecimal(&key.finalize()))
}

/// SHA-256 of the remaining content.
fn digest(mut content: impl Read) -> io::Result<[u8; DIGEST]> {
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(read) => hash.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A cache file and its number of tokens, if it is valid.
fn stored(cached: &Path, width: Width) -> Option<(File, u64)> {
    let file = File::open(cached).ok()?;
    let bytes = file.metadata().ok()?.len().checked_sub(FOOTER as u64)?;
    let mut footer = [0; FOOTER];
    read_exact_at(&file, &mut footer, bytes).ok()?;
    let (counted, hashed) = footer[MAGIC.len()..].split_at(8);
    let len = u64::from_le_bytes(counted.try_into().ok()?);
    let has_form = footer[..MAGIC.len()] == MAGIC && len.checked_mul(width.bytes() as u64) == Some(bytes);
    (has_form && digest((&file).take(bytes)).ok()? == *hashed).then_some((file, len))
}

/// Writes the cache file.
fn encode(
    path: &Path,
    vocabulary: &Vocabulary,
    normalisation: Normalisation,
    cached: &Path,
) -> Result<(), TextError> {
    let failed = |source| TextError::Io { action: "write", path: cached.to_path_buf(), source };
    let width = Width::of(vocabulary.len());
    write_whole(cached, failed, |file: &mut dyn Write| {
        let (mut len, mut bytes, mut hash) = (0_u64, Vec::new(), Sha256::new());
        for_each_piece(path, vocabulary, normalisation, &mut |tokens| {
            len += tokens.len() as u64;
            bytes.clear();
            width.write(tokens, &mut bytes);
            hash.update(&bytes);
            file.write_all(&bytes).map_err(failed)
        })?;
        let footer = [&MAGIC[..], &len.to_le_bytes(), &hash.finalize()].concat();
        file.write_all(&footer).map_err(failed)
    })
}

/// Passes the tokens of a file to `each` in pieces.
fn for_each_piece(
    path: &Path,
    vocabulary: &Vocabulary,
    normalisation: Normalisation,
    each: &mut dyn FnMut(&[u32]) -> Result<(), TextError>,
) -> Result<(), TextError> {
    match normalisation {
        Normalisation::None if *vocabulary == Vocabulary::Bytes => with_content(path, MAX_BYTES, |content| {
            let mut buffer = vec![0; 1 << 16];
            loop {
                match content.fill(&mut buffer)? {
                    0 => return Ok(()),
                    filled => each(&Vec::from_iter(buffer[..filled].iter().map(|&byte| u32::from(byte))))?,
                }
            }
        }),
        Normalisation::None => for_each_chunk(path, MAX_BYTES, |text, place| {
            each(&vocabulary.encode(text).map_err(|error| located(error, path, place, text))?)
        }),
        Normalisation::Text27 => {
            let (mut normaliser, mut normalised) = (Normaliser27::default(), String::new());
            for_each_chunk(path, MAX_BYTES, |text, place| {
                normalised.clear();
                normaliser.push(text, &mut normalised);
                each(&vocabulary.encode(&normalised).map_err(|error| located(error, path, place, ""))?)
            })
        }
    }
}

/// Converts an error of a piece of text to an error of the file.
fn located(error: TextError, path: &Path, place: Place, text: &str) -> TextError {
    match error {
        TextError::Character { character, position, vocabulary } => {
            let before = text.char_indices().nth(position - 1).map_or("", |(offset, _)| &text[..offset]);
            let Place { line, column } = place.after(before);
            TextError::CharacterInFile { path: path.to_path_buf(), line, column, character, vocabulary }
        }
        other => other,
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buffer = &mut buffer[read..];
                offset += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
