//! Devices by name.

use vmd::Device;

use crate::failure::usage;

/// The device called `name`.
pub(crate) fn device(name: &str) -> anyhow::Result<Device> {
    match name {
        "flex" | "auto" => Ok(Device::flex()),
        other => Err(usage(format!("no device `{other}` in this program; use --device flex or auto"))),
    }
}
