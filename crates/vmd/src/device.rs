//! Devices by name: `auto`, or a backend such as `flex`, `wgpu` or `cuda` with an optional device
//! number.

use std::fmt;
use std::panic::catch_unwind;

use burn::tensor::{Device, DeviceType, Tensor};
use vmd_nn::Precision;

use crate::Error;

/// A Burn backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backend {
    Flex,
    Cuda,
    Metal,
    Vulkan,
    Wgpu,
}

/// Selects a device of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// The default device of the backend.
    Any,
    /// A software implementation of a graphics interface.
    Cpu,
    /// By number, from 0.
    Index(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Name {
    backend: Backend,
    choice: Choice,
}

impl Backend {
    /// All backends, best first; `auto` tries them in this order.
    const ALL: [Self; 5] = [Self::Cuda, Self::Metal, Self::Vulkan, Self::Wgpu, Self::Flex];

    fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Cuda => "cuda",
            Self::Metal => "metal",
            Self::Vulkan => "vulkan",
            Self::Wgpu => "wgpu",
        }
    }

    fn is_built_in(self) -> bool {
        match self {
            Self::Flex => cfg!(feature = "flex"),
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Metal => cfg!(feature = "metal"),
            Self::Vulkan => cfg!(feature = "vulkan"),
            Self::Wgpu => cfg!(feature = "wgpu"),
        }
    }

    /// Available devices; empty if a driver is missing.
    fn devices(self) -> Vec<Device> {
        let kind = match self {
            #[cfg(feature = "flex")]
            Self::Flex => DeviceType::Flex,
            #[cfg(feature = "cuda")]
            Self::Cuda => DeviceType::Cuda,
            #[cfg(feature = "metal")]
            Self::Metal => DeviceType::Metal,
            #[cfg(feature = "vulkan")]
            Self::Vulkan => DeviceType::Vulkan,
            #[cfg(feature = "wgpu")]
            Self::Wgpu => DeviceType::Wgpu,
            #[allow(unreachable_patterns, reason = "reachable without all features")]
            _ => return Vec::new(),
        };
        quietly(|| Device::enumerate(kind).into_iter().collect()).unwrap_or_default()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.backend.name())?;
        match self.choice {
            Choice::Any => Ok(()),
            Choice::Cpu => f.write_str(":cpu"),
            Choice::Index(index) => write!(f, ":{index}"),
        }
    }
}

impl Name {
    /// Parses `BACKEND`, `BACKEND:N` or, for graphics interfaces, `BACKEND:cpu`.
    fn parse(text: &str) -> Option<Self> {
        let (backend, choice) = text.split_once(':').map_or((text, None), |(b, c)| (b, Some(c)));
        let backend = Backend::ALL.into_iter().find(|known| known.name() == backend)?;
        let choice = match choice {
            None => Choice::Any,
            Some("cpu") if matches!(backend, Backend::Vulkan | Backend::Wgpu) => Choice::Cpu,
            Some(index) if backend != Backend::Flex => Choice::Index(index.parse().ok()?),
            Some(_) => return None,
        };
        Some(Self { backend, choice })
    }

    /// Returns the device. Only a device with a number is checked for existence.
    fn device(self) -> Option<Device> {
        if let Choice::Index(index) = self.choice {
            return self.backend.devices().into_iter().nth(index);
        }
        #[cfg(feature = "wgpu")]
        let kind = match self.choice {
            Choice::Cpu => burn::tensor::DeviceKind::Cpu,
            _ => burn::tensor::DeviceKind::DefaultDevice,
        };
        match self.backend {
            #[cfg(feature = "flex")]
            Backend::Flex => Some(Device::flex()),
            #[cfg(feature = "cuda")]
            Backend::Cuda => Some(Device::cuda(0)),
            #[cfg(feature = "metal")]
            Backend::Metal => Some(Device::metal(kind)),
            #[cfg(feature = "vulkan")]
            Backend::Vulkan => Some(Device::vulkan(kind)),
            #[cfg(feature = "wgpu")]
            Backend::Wgpu => Some(Device::wgpu(kind)),
            #[allow(unreachable_patterns, reason = "reachable without all features")]
            _ => None,
        }
    }

    /// Opens the device and checks it with a small computation.
    fn probe(self) -> Result<Device, Absent> {
        if !self.backend.is_built_in() {
            return Err(Absent::NotBuiltIn);
        }
        let device = self.device().ok_or(Absent::NotFound)?;
        if self.backend == Backend::Flex {
            return Ok(device);
        }
        let works = || {
            let x = Tensor::<1>::from_data([1.0, 2.0], &device);
            (x.clone() * x).sum().into_data().iter::<f32>().eq([5.0])
        };
        // Count devices first: opening a missing device can kill its server thread.
        if !self.backend.devices().is_empty() && quietly(works) == Some(true) {
            Ok(device)
        } else {
            Err(Absent::NotFound)
        }
    }

    /// Whether `auto` may select the device: an accelerator, not a software renderer or the CPU
    /// backend.
    fn is_accelerator(self, device: &Device) -> bool {
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        if self.backend != Backend::Flex {
            let name =
                quietly(|| device.identity().map(|identity| identity.name)).flatten().unwrap_or_default();
            return !["llvmpipe", "lavapipe", "SwiftShader"].iter().any(|software| name.contains(software));
        }
        let _ = device;
        self.backend != Backend::Flex
    }

    fn description(self, device: &Device) -> String {
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        if self.backend != Backend::Flex {
            let identity = quietly(|| device.identity()).flatten();
            return identity.map_or_else(|| "present".into(), |identity| identity.name);
        }
        let _ = device;
        let threads = rayon::current_num_threads();
        #[cfg(feature = "flex")]
        let vectors = format!(", {}", vmd_kernels::instructions());
        #[cfg(not(feature = "flex"))]
        let vectors = "";
        format!("this machine's processor, {threads} threads{vectors}")
    }
}

/// Why a device is not available.
enum Absent {
    NotBuiltIn,
    NotFound,
}

/// Runs `work`, which may panic if a driver is missing, without printing the panic.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(std::panic::AssertUnwindSafe(work)).ok();
    std::panic::set_hook(hook);
    result
}

/// An available device.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The device.
    pub device: Device,
    /// Name of the device that `auto` selected, if several backends are compiled in.
    pub chosen: Option<String>,
}

/// Opens the device called `name`.
///
/// # Errors
///
/// [`Error::Usage`] if the device does not exist in this program or on this machine.
pub fn open(name: &str) -> Result<Opened, Error> {
    if name == "auto" {
        for backend in Backend::ALL {
            let name = Name { backend, choice: Choice::Any };
            if let Ok(device) = name.probe()
                && (backend == Backend::Flex || name.is_accelerator(&device))
            {
                let is_choice = Backend::ALL.into_iter().filter(|backend| backend.is_built_in()).count() > 1;
                let chosen = is_choice.then(|| format!("{name} ({})", name.description(&device)));
                return Ok(Opened { device, chosen });
            }
        }
        return Err(Error::usage("this program was built without a backend; build it with --features flex"));
    }
    let Some(parsed) = Name::parse(name) else {
        return Err(Error::usage(format!(
            "no device `{name}`; devices are flex, wgpu, vulkan, metal and cuda, with :N or (wgpu, vulkan) :cpu \
             behind, or auto"
        )));
    };
    let device = parsed.probe().map_err(|absent| match absent {
        Absent::NotBuiltIn => {
            let feature = parsed.backend.name();
            Error::usage(format!(
                "`{feature}` is not built in; build the program with --features {feature}"
            ))
        }
        Absent::NotFound => Error::usage(format!(
            "no device `{parsed}` on this machine; `devices` lists the available ones, and --device flex always works"
        )),
    })?;
    Ok(Opened { device, chosen: None })
}

/// Refuses a precision that `device` does not support.
///
/// # Errors
///
/// [`Error::Usage`].
pub fn check_precision(precision: Precision, device: &Device) -> Result<(), Error> {
    if precision.is_supported(device) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "this device does not support {precision} (a processor needs AVX512-BF16 for bf16); use --precision f32"
    )))
}

/// One line of the output of `vmd devices`.
#[derive(Debug, serde::Serialize)]
pub struct Listed {
    /// Value of `--device`.
    pub name: String,
    /// Whether it is available.
    pub present: bool,
    /// Description, or why it is not available.
    pub description: String,
}

/// Lists all devices by name, with their availability.
pub fn list() -> Vec<Listed> {
    let mut listed = Vec::new();
    for backend in Backend::ALL {
        let mut names = vec![Name { backend, choice: Choice::Any }];
        if matches!(backend, Backend::Vulkan | Backend::Wgpu) && backend.is_built_in() {
            names.push(Name { backend, choice: Choice::Cpu });
        }
        if backend != Backend::Flex {
            names.extend(
                (0..backend.devices().len()).map(|index| Name { backend, choice: Choice::Index(index) }),
            );
        }
        for name in names {
            let (present, description) = match name.probe() {
                Ok(device) => (true, name.description(&device)),
                Err(Absent::NotFound) => (false, "not on this machine".into()),
                Err(Absent::NotBuiltIn) => {
                    (false, format!("not built in; build with --features {}", backend.name()))
                }
            };
            listed.push(Listed { name: name.to_string(), present, description });
        }
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for text in ["flex", "cuda", "cuda:1", "vulkan:cpu", "wgpu:cpu", "wgpu:3", "metal"] {
            assert_eq!(Name::parse(text).map(|name| name.to_string()).as_deref(), Some(text));
        }
        for text in ["", "cpu", "flex:0", "flex:cpu", "cuda:cpu", "cuda:", "cuda:-1", "wgpu:gpu", "Wgpu"] {
            assert_eq!(Name::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_panicking_probe_is_no_device() {
        assert_eq!(quietly(|| panic!("no driver")), None::<()>);
        assert_eq!(quietly(|| 5), Some(5));
    }
}
