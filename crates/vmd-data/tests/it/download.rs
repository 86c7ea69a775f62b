//! Downloads from a small server on this machine.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use sha2::{Digest, Sha256};
use vmd_data::text::{DownloadError, download};

/// Serves `response` to every request, and returns the address.
fn serve(response: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("a port is free");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                request.push(byte[0]);
            }
            let _ = stream.write_all(&response);
        }
    });
    format!("http://{address}/data.zip")
}

fn answer(status: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn body() -> Vec<u8> {
    (0..300_000_u32).map(|n| (n % 251) as u8).collect()
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).expect("a writable temporary folder").next().is_none()
}

#[test]
fn a_file_arrives_whole_and_is_not_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let (body, to) = (body(), folder.path().join("new/data.zip"));
    let url = serve(answer("200 OK", body.len(), &body));
    let mut progress = Vec::new();
    let upper = sha256(&body).to_uppercase();
    download(&url, &upper, &to, &mut |bytes, total| progress.push((bytes, total))).unwrap();
    assert!(fs::read(&to).unwrap() == body);
    assert!(
        progress.is_sorted() && progress.last() == Some(&(300_000, Some(300_000))),
        "{:?}",
        progress.last()
    );
    assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 1);
    // No server listens at port 1: the existing file is used.
    download("http://127.0.0.1:1/x", &sha256(&body), &to, &mut |_, _| panic!("nothing is fetched")).unwrap();
}

#[test]
fn an_old_file_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("data.zip");
    fs::write(&to, "old").unwrap();
    download(&serve(answer("200 OK", 3, b"new")), &sha256(b"new"), &to, &mut |_, _| {}).unwrap();
    assert_eq!(fs::read(&to).unwrap(), b"new");
}

#[test]
fn what_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("data.zip");
    let (expected, found) = (sha256(b"abc"), sha256(b"abd"));
    for (response, parts) in [
        (answer("200 OK", 3, b"abd"), vec!["SHA-256", &*expected, &*found, "sound copy"]),
        (answer("404 Not Found", 0, b""), vec!["404", "check the address", "path of a copy"]),
        (answer("200 OK", 9, b"abc"), vec!["cannot fetch", "without a network"]),
        (b"no http\r\n\r\n".to_vec(), vec!["cannot fetch", "path of the copy"]),
    ] {
        let url = serve(response);
        let error = download(&url, &expected, &to, &mut |_, _| {}).unwrap_err().to_string();
        assert!(error.contains(&url) && parts.iter().all(|part| error.contains(part)), "{error}");
        assert!(is_empty(folder.path()), "{error}");
    }
}

#[test]
fn no_network_no_checksum_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("data.zip");
    let fetch = |url: &str, sum: &str, to: &Path| download(url, sum, to, &mut |_, _| {}).unwrap_err();
    let sum = sha256(b"abc");
    for url in ["http://127.0.0.1:1/x", "http://no.such.host.invalid/x", "no address", "ftp://127.0.0.1/x"] {
        let error = fetch(url, &sum, &to);
        assert!(matches!(error, DownloadError::Network { .. }), "{error}");
    }
    for sum in ["", "abc", &"g".repeat(64)] {
        assert!(matches!(fetch("http://127.0.0.1:1/x", sum, &to), DownloadError::NoChecksum { .. }));
    }
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = fetch(&serve(answer("200 OK", 3, b"abc")), &sum, &file.join("data.zip"));
    assert!(matches!(error, DownloadError::Io { .. }), "{error}");
}
