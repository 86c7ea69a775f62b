//! Source revision and machine, which are recorded with runs and figures.

use std::process::Command;

use serde_json::json;

/// The revision of the source tree that this program was built from; `-dirty` marks uncommitted
/// changes.
pub fn revision() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(env!("CARGO_MANIFEST_DIR")).args(arguments).output();
        output
            .ok()
            .filter(|o| o.status.success())
            .map(|o| String::from_utf8_lossy(&o.stdout).trim().to_string())
    };
    match git(&["rev-parse", "--short=12", "HEAD"]) {
        None => "unknown".into(),
        Some(revision) => match git(&["status", "--porcelain", "--untracked-files=no"]) {
            Some(changes) if !changes.is_empty() => revision + "-dirty",
            _ => revision,
        },
    }
}

/// Properties of the machine and the program that a run records, as JSON.
pub fn meta(device: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let processor = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?.to_string();
        line.split_once(':').map(|(_, name)| name.trim().to_string())
    });
    let seconds =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let meta = json!({
        "command": std::env::args().collect::<Vec<_>>(),
        "revision": revision(),
        "version": env!("CARGO_PKG_VERSION"),
        "burn": "0.22.1",
        "device": device,
        "host": host.trim(),
        "processor": processor,
        "threads": std::thread::available_parallelism().map_or(1, usize::from),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "started_unix_seconds": seconds,
    });
    format!("{meta:#}\n")
}
