//! Programs: scenarios as data.
//!
//! A scenario that is written in Rust is code. A *program* is data: images, nodes, loops, and for each task a list of
//! steps. It comes from a file, so that whoever knows the block layer can check a sequence without writing Rust, or is
//! drawn, so that sequences are met that nobody thought of.
//!
//! | module | |
//! | --- | --- |
//! | [`program`] | what a program consists of |
//! | [`step`] | what a task does at a time, and who may do it |
//! | [`mod@file`] | programs as TOML, read and written |
//! | [`rules`] | the calling rules: a program that breaks one is refused before it runs |
//! | [`mod@reference`] | what must come of a run: the graph again, plain and sequential |
//! | [`strategy`] | how programs are drawn and shrunk |
//!
//! This package knows nothing of the machinery. Who executes a program is `model-tests/program/`, on each backend.

pub mod file;
pub mod program;
pub mod reference;
pub mod rules;
pub mod step;
pub mod strategy;
