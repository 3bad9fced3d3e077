//! Programs as TOML, read and written.
