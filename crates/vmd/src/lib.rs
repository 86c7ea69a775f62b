//! Variational masked diffusion: the facade crate
