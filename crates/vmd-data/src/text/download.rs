//! Downloads of data files.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::files::{hexadecimal, write_whole};

/// Timeout for connecting, and for each read.
const PATIENCE: Duration = Duration::from_secs(60);

/// A failed download.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// The expected checksum is not a SHA-256.
    #[error("`{text}` is not a SHA-256; give 64 hexadecimal digits")]
    NoChecksum {
        /// The given text.
        text: String,
    },
    /// The server cannot be reached, or the connection failed.
    #[error(
        "cannot fetch {url}: {source}; without a network, fetch the file elsewhere and give the path of the copy"
    )]
    Network {
        /// The address.
        url: String,
        /// The I/O error.
        source: io::Error,
    },
    /// The server refused the request.
    #[error("{url} returned HTTP status {status}; check the address, or give the path of a copy of the file")]
    Status {
        /// The address.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// The checksum differs; the file is discarded.
    #[error(
        "{url} has SHA-256 {found}, expected {expected}; fetch it again; if it still differs, the file was changed: \
         give the path of a sound copy"
    )]
    Checksum {
        /// The address.
        url: String,
        /// Expected SHA-256.
        expected: String,
        /// SHA-256 of the received bytes.
        found: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {}: {source}; check the path, its permissions and the free space", path.display())]
    Io {
        /// The failed action.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
}

/// Downloads a file over HTTP or HTTPS, checks it and renames it into place. An existing file with
/// the same checksum is kept. `on_progress` receives the number of bytes so far and, if the server
/// sends it, the total.
///
/// # Errors
///
/// [`DownloadError`]: no network, a status other than success, another checksum, or a file that
/// cannot be written.
pub fn download(
    url: &str,
    sha256: &str,
    to: &Path,
    on_progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<(), DownloadError> {
    if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(DownloadError::NoChecksum { text: sha256.into() });
    }
    let expected = sha256.to_ascii_lowercase();
    let failed = |source| DownloadError::Io { action: "write", path: to.to_path_buf(), source };
    if to.is_file() {
        let unread = |source| DownloadError::Io { action: "read", path: to.to_path_buf(), source };
        let mut file = File::open(to).map_err(unread)?;
        if copied(&mut file, &mut io::sink(), unread, unread, &mut |_| {})? == expected {
            return Ok(());
        }
    }
    let broken = |source| DownloadError::Network { url: url.into(), source };
    let response = agent().get(url).call().map_err(|error| match error {
        ureq::Error::StatusCode(status) => DownloadError::Status { url: url.into(), status },
        ureq::Error::Io(source) => broken(source),
        other => broken(io::Error::other(other)),
    })?;
    let mut body = response.into_body();
    let total = body.content_length();
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    write_whole(to, failed, |file| {
        let mut progress = |bytes| on_progress(bytes, total);
        let found = copied(&mut body.as_reader(), file, broken, failed, &mut progress)?;
        if found == expected {
            Ok(())
        } else {
            Err(DownloadError::Checksum { url: url.into(), expected, found })
        }
    })
}

fn agent() -> ureq::Agent {
    // No overall timeout: a large file on a slow connection may take hours.
    let config =
        ureq::Agent::config_builder().timeout_connect(Some(PATIENCE)).timeout_per_read(Some(PATIENCE));
    config.build().into()
}

/// Copies the whole content, and returns its SHA-256.
fn copied(
    from: &mut dyn Read,
    to: &mut dyn Write,
    unread: impl Fn(io::Error) -> DownloadError,
    unwritten: impl Fn(io::Error) -> DownloadError,
    progress: &mut dyn FnMut(u64),
) -> Result<String, DownloadError> {
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(hexadecimal(&hash.finalize())),
            Ok(read) => {
                hash.update(&buffer[..read]);
                to.write_all(&buffer[..read]).map_err(&unwritten)?;
                bytes += read as u64;
                progress(bytes);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unread(error)),
        }
    }
}
