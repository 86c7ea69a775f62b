//! The command line of variational masked diffusion
