//! Precision of matrix products.

use burn::tensor::{Device, FloatDType, Tensor};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Precision to which the factors of large matrix products are rounded.
///
/// Weights, sums and all other values stay in single precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Single precision: no rounding.
    #[default]
    F32,
    /// 8 bits of mantissa, the range of single precision.
    Bf16,
    /// 11 bits of mantissa, values up to 65504.
    F16,
}

impl Precision {
    /// Whether `device` supports training and sampling with this precision.
    pub fn is_supported(self, device: &Device) -> bool {
        #[cfg(feature = "flex")]
        if !matches!(crate::fused::Input::of(&Tensor::<1>::zeros([1], device)), crate::fused::Input::Other) {
            return self.is_fused();
        }
        self == Self::F32 || device.supports_dtype(self.dtype())
    }

    /// Whether the fused kernels of Burn's CPU backend `flex` support this precision on this
    /// processor. `bf16` needs AVX512-BF16.
    #[cfg(feature = "flex")]
    pub fn is_fused(self) -> bool {
        match self {
            Self::F32 => true,
            Self::Bf16 => crate::cpu::has_bf16(),
            Self::F16 => false,
        }
    }

    /// The data type of the factors.
    pub fn dtype(self) -> FloatDType {
        match self {
            Self::F32 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
            Self::F16 => FloatDType::F16,
        }
    }

    /// `a·b` with rounded factors; the result has the type of `a`.
    pub(crate) fn matmul(self, a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
        if self == Self::F32 {
            return a.matmul(b);
        }
        let dtype = a.dtype();
        a.cast(self.dtype()).matmul(b.cast(self.dtype())).cast(dtype)
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        })
    }
}

/// The error for a text that is not the name of a [`Precision`].
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("unknown precision `{0}`; use f32, bf16 or f16")]
pub struct ParsePrecisionError(String);

impl std::str::FromStr for Precision {
    type Err = ParsePrecisionError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let all = [Self::F32, Self::Bf16, Self::F16];
        all.into_iter().find(|p| p.to_string() == name).ok_or_else(|| ParsePrecisionError(name.into()))
    }
}
