//! Building a [`TrunkConfig`] in code.

use vmd_kernels::{Activation, Precision};

use crate::{Mixing, PositionEncoding, TrunkConfig};

impl Default for TrunkConfig {
    /// Two layers of width 64 with four heads.
    fn default() -> Self {
        Self::new(64, 2, 4)
    }
}

impl TrunkConfig {
    /// A transformer of `layers` blocks of `width` channels with `heads` heads and learned
    /// positions.
    ///
    /// ```
    /// use vmd_nn::{PositionEncoding, TrunkConfig};
    /// let trunk = TrunkConfig::new(128, 4, 4).with_position(PositionEncoding::Rotary);
    /// assert_eq!((trunk.width, trunk.loops, trunk.mlp_ratio), (128, 1, 4));
    /// ```
    pub fn new(width: usize, layers: usize, heads: usize) -> Self {
        Self {
            mixing: Mixing::default(),
            width,
            layers,
            loops: 1,
            heads,
            mlp_ratio: 4,
            activation: Activation::default(),
            position: PositionEncoding::default(),
            edge_heads: Vec::new(),
            precision: Precision::default(),
        }
    }

    /// Sets how tokens exchange information.
    #[must_use]
    pub fn with_mixing(mut self, mixing: Mixing) -> Self {
        self.mixing = mixing;
        self
    }

    /// Sets how often the stack of blocks is applied.
    #[must_use]
    pub fn with_loops(mut self, loops: usize) -> Self {
        self.loops = loops;
        self
    }

    /// Sets the hidden channels of the feed-forward layer, as a multiple of the width.
    #[must_use]
    pub fn with_mlp_ratio(mut self, mlp_ratio: usize) -> Self {
        self.mlp_ratio = mlp_ratio;
        self
    }

    /// Sets the non-linearity of the feed-forward layer.
    #[must_use]
    pub fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// Sets the position encoding.
    #[must_use]
    pub fn with_position(mut self, position: PositionEncoding) -> Self {
        self.position = position;
        self
    }

    /// Sets the edge types of the heads, repeated in order (`all` = unrestricted); empty for full
    /// attention.
    #[must_use]
    pub fn with_edge_heads(mut self, edge_types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.edge_heads = edge_types.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the precision of the factors in the blocks' matrix products.
    #[must_use]
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }
}
