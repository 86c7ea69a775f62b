//! Reading the only file of a zip archive.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipArchive};

use super::TextError;

/// Passes the unpacked content of the archive's only file to `consume`. Size and checksum are
/// verified when its end is read. Folders are ignored.
pub(crate) fn with_only_file<T>(
    file: File,
    path: &Path,
    consume: impl FnOnce(&mut dyn Read) -> Result<T, TextError>,
) -> Result<T, TextError> {
    let damaged = |error: rawzip::Error| TextError::Damaged {
        path: path.to_path_buf(),
        source: io::Error::new(io::ErrorKind::InvalidData, error),
    };
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer).map_err(damaged)?;
    let (mut members, mut only) = (0, None);
    let mut entries = archive.entries(&mut buffer);
    while let Some(entry) = entries.next_entry().map_err(damaged)? {
        if !entry.is_dir() {
            members += 1;
            only = Some((entry.wayfinder(), entry.compression_method()));
        }
    }
    let Some((place, method)) = only.filter(|_| members == 1) else {
        return Err(TextError::Members { path: path.to_path_buf(), members });
    };
    let entry = archive.get_entry(place).map_err(damaged)?;
    match method {
        CompressionMethod::STORE => consume(&mut entry.verifying_reader(entry.reader())),
        CompressionMethod::DEFLATE => {
            consume(&mut entry.verifying_reader(DeflateDecoder::new(entry.reader())))
        }
        _ => Err(TextError::Compression { path: path.to_path_buf() }),
    }
}
