//! `devices`: lists devices.

use crate::args::DevicesArgs;
use crate::output::print_table;
use vmd::device;

/// Lists the devices and whether they are available.
pub(crate) fn run(args: &DevicesArgs) -> anyhow::Result<()> {
    let devices = device::list();
    if args.json {
        for device in &devices {
            println!("{}", serde_json::to_string(device)?);
        }
        return Ok(());
    }
    let rows: Vec<Vec<String>> = devices
        .into_iter()
        .map(|device| {
            let present = if device.present { "yes" } else { "no" };
            vec![device.name, present.to_string(), device.description]
        })
        .collect();
    print_table(&["--device", "present", "what it is"], &rows);
    Ok(())
}
