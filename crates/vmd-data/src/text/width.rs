//! Byte width of tokens.

/// Bytes of a token in a file, little endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    One,
    Two,
    Four,
}

impl Width {
    /// The smallest width for the tokens `0..vocab`.
    pub(crate) fn of(vocab: usize) -> Self {
        match vocab {
            ..=0x100 => Self::One,
            0x101..=0x1_0000 => Self::Two,
            _ => Self::Four,
        }
    }

    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
        }
    }

    /// Appends tokens, which must fit, to `bytes`.
    pub(crate) fn write(self, tokens: &[u32], bytes: &mut Vec<u8>) {
        for token in tokens {
            bytes.extend_from_slice(&token.to_le_bytes()[..self.bytes()]);
        }
    }

    /// Reads `tokens.len()` tokens.
    pub(crate) fn read(self, bytes: &[u8], tokens: &mut [u32]) {
        for (token, bytes) in tokens.iter_mut().zip(bytes.chunks_exact(self.bytes())) {
            *token = bytes.iter().rev().fold(0, |token, &byte| token << 8 | u32::from(byte));
        }
    }
}
