//! Reading plain and compressed files in pieces.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::TextError;
use super::zip::with_only_file;

/// Maximum unpacked size of a streamed file: a small archive may expand without limit.
pub(crate) const MAX_BYTES: u64 = 16 << 30;

/// Maximum unpacked size of a file in memory.
pub(crate) const MAX_HELD: u64 = 1 << 30;

/// Bytes per read.
const CHUNK: usize = 1 << 20;

/// Unpacked content of a file.
pub(crate) struct Content<'a> {
    reader: &'a mut dyn Read,
    path: &'a Path,
    is_packed: bool,
    limit: u64,
    left: u64,
}

/// Line and column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

/// Passes the content of a file to `consume`, unpacked if it is a gzip file or a zip archive of one
/// file. The format is detected from the first bytes, not the name.
pub(crate) fn with_content<T>(
    path: &Path,
    limit: u64,
    consume: impl FnOnce(&mut Content<'_>) -> Result<T, TextError>,
) -> Result<T, TextError> {
    let mut file = open(path)?;
    let mut magic = Vec::new();
    file.by_ref().take(4).read_to_end(&mut magic).and_then(|_| file.rewind()).map_err(|e| unread(path, e))?;
    let with = |reader: &mut dyn Read, is_packed| {
        consume(&mut Content { reader, path, is_packed, limit, left: limit })
    };
    match magic.as_slice() {
        [0x1f, 0x8b, ..] => with(&mut MultiGzDecoder::new(BufReader::new(file)), true),
        b"PK\x03\x04" | b"PK\x05\x06" => with_only_file(file, path, |reader| with(reader, true)),
        _ => with(&mut file, false),
    }
}

/// Passes the text of a file to `each` in pieces, with their start positions. Pieces end before
/// white space if possible, and depend on the content alone.
pub(crate) fn for_each_chunk(
    path: &Path,
    limit: u64,
    mut each: impl FnMut(&str, Place) -> Result<(), TextError>,
) -> Result<(), TextError> {
    with_content(path, limit, |content| {
        let mut buffer = vec![0; CHUNK];
        let (mut held, mut place) = (0, Place::START);
        loop {
            let filled = held + content.fill(&mut buffer[held..])?;
            let is_last = filled < CHUNK;
            let text = valid(&buffer[..filled], is_last).map_err(|valid| place.after(valid).no_text(path))?;
            // Skip a byte order mark.
            let mark = if place == Place::START && text.starts_with('\u{feff}') { 3 } else { 0 };
            let cut = if is_last { text.len() } else { cut(text) };
            each(&text[mark..cut], place)?;
            if is_last {
                return Ok(());
            }
            place = place.after(&text[mark..cut]);
            buffer.copy_within(cut..filled, 0);
            held = filled - cut;
        }
    })
}

/// Passes the rows of a CSV file to `each`, including the first, with their start lines.
pub(crate) fn for_each_row(
    path: &Path,
    mut each: impl FnMut(&csv::StringRecord, u64) -> Result<(), TextError>,
) -> Result<(), TextError> {
    with_content(path, MAX_HELD, |content| {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&mut *content);
        let mut row = csv::StringRecord::new();
        loop {
            match reader.read_record(&mut row) {
                Ok(false) => return Ok(()),
                Ok(true) => each(&row, row.position().map_or(0, csv::Position::line))?,
                Err(source) => {
                    drop(reader);
                    let failure = match source.kind() {
                        csv::ErrorKind::Io(error) => Some(error.kind()),
                        _ => None,
                    };
                    return Err(match failure {
                        Some(kind) => content.explain(io::Error::new(kind, source)),
                        None => TextError::Csv { path: path.to_path_buf(), source },
                    });
                }
            }
        }
    })
}

/// Opens a regular file.
pub(crate) fn open(path: &Path) -> Result<File, TextError> {
    // Devices and pipes may be endless, and can be read only once.
    match path.metadata() {
        Ok(metadata) if !metadata.is_file() => Err(TextError::NotAFile { path: path.to_path_buf() }),
        Ok(_) => File::open(path).map_err(|error| unread(path, error)),
        Err(error) => Err(unread(path, error)),
    }
}

/// The text of a file that fits into memory, without a byte order mark.
pub(crate) fn read_text(path: &Path) -> Result<String, TextError> {
    let mut text = String::new();
    for_each_chunk(path, MAX_HELD, |chunk, _| {
        text += chunk;
        Ok(())
    })?;
    Ok(text)
}

impl Content<'_> {
    /// Reads until `buffer` is full or the content ends. Returns the number of bytes read.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, TextError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.explain(error)),
            }
        }
        Ok(filled)
    }

    /// Converts an I/O error of this content.
    pub(crate) fn explain(&self, source: io::Error) -> TextError {
        use io::ErrorKind::{FileTooLarge, InvalidData, InvalidInput, UnexpectedEof};
        let path = self.path.to_path_buf();
        match source.kind() {
            FileTooLarge => TextError::TooLarge { path, limit: self.limit },
            UnexpectedEof | InvalidData | InvalidInput if self.is_packed => {
                TextError::Damaged { path, source }
            }
            _ => unread(self.path, source),
        }
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(read)
    }
}

impl Place {
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    /// The position after `text`, which starts here.
    pub(crate) fn after(self, text: &str) -> Self {
        let lines = text.bytes().filter(|&byte| byte == b'\n').count() as u64;
        let last = text.rsplit('\n').next().map_or(0, |last| last.chars().count()) as u64;
        let column = if lines == 0 { self.column + last } else { 1 + last };
        Self { line: self.line + lines, column }
    }

    /// The error for bytes at this position that are not text.
    pub(crate) fn no_text(self, path: &Path) -> TextError {
        TextError::NotText { path: path.to_path_buf(), line: self.line, column: self.column }
    }
}

fn unread(path: &Path, source: io::Error) -> TextError {
    TextError::Io { action: "read", path: path.to_path_buf(), source }
}

/// The text of bytes, without an incomplete last character unless `is_last`. `Err` is the text
/// before invalid bytes.
fn valid(bytes: &[u8], is_last: bool) -> Result<&str, &str> {
    std::str::from_utf8(bytes).or_else(|error| {
        let start = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        if error.error_len().is_none() && !is_last { Ok(start) } else { Err(start) }
    })
}

/// Where to end a piece: before its last white space, so that no word is cut.
fn cut(text: &str) -> usize {
    let space = text.bytes().rposition(|byte| byte.is_ascii_whitespace());
    space.filter(|&space| space > 0).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_small_archive_of_an_endless_text_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(&vec![b'a'; 5 * CHUNK]).unwrap();
        std::fs::write(&path, packed.finish().unwrap()).unwrap();
        let read = |limit| {
            let mut bytes = 0;
            for_each_chunk(&path, limit, |text, _| {
                bytes += text.len();
                Ok(())
            })
            .map(|()| bytes)
        };
        assert!(matches!(read(5 * CHUNK as u64), Ok(bytes) if bytes == 5 * CHUNK));
        let error = read(5 * CHUNK as u64 - 1).unwrap_err();
        assert!(
            matches!(error, TextError::TooLarge { .. }) && error.to_string().contains("split it"),
            "{error}"
        );
    }
}
